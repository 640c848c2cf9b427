import { expect, it } from 'vitest'
import { describeWith } from '../testing-tools/tools.js'
import { deliverToRome } from './deliver-to-rome.js'
import { exim, startExim } from './exim.js'
import { describeReports } from './foreign-reports.js'
import { maildir, root, serverDirectory } from './server-process.js'

const letter = 'Message-ID: <1@paris.test>\r\nSubject: dots\r\n\r\n.\r\n..two\r\nend\r\n'

describeWith([exim, root], 'Exim', () => {
  it('takes mail over STARTTLS, byte for byte, and says who is unknown', async () => {
    await using directory = serverDirectory()
    const { port, mailbox } = await startExim(directory)
    expect(await deliverToRome(port, letter)).toMatchObject([
      { recipient: 'bob@rome.test', status: 'delivered', tls: expect.stringContaining('TLSv1.3') },
      { recipient: 'no@rome.test', status: 'failed', scope: 'recipient', reply: { code: 550 } },
    ])
    const [message = ''] = await maildir(mailbox('bob'), 1)
    expect(message).toMatch(/^Return-path: <alice@paris\.test>\n/)
    expect(message.slice(message.indexOf('Message-ID'))).toBe(letter.replaceAll('\r\n', '\n'))
  })

  describeReports('exim', startExim, {
    failed: ['nobody@oslo.test', 'eve@oslo.test'],
    delayed: ['later@oslo.test'],
    // It calls what it handed on delivered, too.
    delivered: ['bob@rome.test', 'dora@oslo.test'],
    smtputf8: ['nöbody@oslo.test'],
  })
})
