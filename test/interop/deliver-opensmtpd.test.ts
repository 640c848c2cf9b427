import { expect, it } from 'vitest'
import { describeWith } from '../testing-tools/tools.js'
import { deliverToRome } from './deliver-to-rome.js'
import { describeReports } from './foreign-reports.js'
import { opensmtpd, startOpenSmtpd } from './opensmtpd.js'
import { maildir, root, serverDirectory } from './server-process.js'

const letter =
  'Message-ID: <1@paris.test>\r\nDate: Thu, 1 Jan 2026 08:00:00 +0000\r\nSubject: dots\r\n\r\n.\r\n..two\r\nend\r\n'

describeWith([opensmtpd, root], 'OpenSMTPD', () => {
  it('takes mail byte for byte, in the clear as its STARTTLS is broken, and says who is unknown', async () => {
    await using directory = serverDirectory()
    const { port, mailbox } = await startOpenSmtpd(directory)
    const [bob, no] = await deliverToRome(port, letter)
    expect(bob).toMatchObject({ recipient: 'bob@rome.test', status: 'delivered', dsnPassedOn: true })
    expect(bob).not.toHaveProperty('tls')
    expect(no).toMatchObject({
      ...{ recipient: 'no@rome.test', status: 'failed', scope: 'recipient' },
      reply: { code: 524, enhanced: '5.2.4' },
    })
    const [message = ''] = await maildir(mailbox('bob'), 1)
    expect(message).toMatch(/^Return-Path: <alice@paris\.test>\n/)
    expect(message.slice(message.indexOf('Message-ID'))).toBe(letter.replaceAll('\r\n', '\n'))
  })

  describeReports('opensmtpd', startOpenSmtpd, {
    failed: ['nobody@oslo.test', 'eve@oslo.test'],
    delayed: ['later@oslo.test'],
    relayed: ['dora@oslo.test'],
    delivered: ['bob@rome.test'],
  })
})
