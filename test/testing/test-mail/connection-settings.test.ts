import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTransport } from 'nodemailer'
import { describe, expect, it } from 'vitest'
import { createTestMail, type TestMail } from '../../../src/testing/index.js'
import { runProgram } from '../../interop/run-program.js'
import { temporaryDirectory } from '../../testing-tools/temporary-directory.js'
import { describeWith } from '../../testing-tools/tools.js'

const user = 'app+1@shop.test'
const password = 's3cret/@:%'
const message = { from: user, to: user, text: 'Hello' }

/** Knows one user, whose name and password have all that URLs quote. */
const strict = () =>
  createTestMail({ domains: ['shop.test'], users: [{ name: user, password, addresses: [user] }] })

/** How the session of the only message went. */
async function sessionOf(mail: TestMail) {
  const [received, ...more] = await mail.waitForMessages(1)
  expect(more).toEqual([])
  return { user: received?.session?.user, encrypted: received?.session?.tls !== undefined }
}

describe('nodemailer sends by', () => {
  const trusting = (url: string, ca: string) => `${url}?tls.ca=${encodeURIComponent(ca)}`

  it.each(['url', 'secureUrl'] as const)('smtp.%s, as nobody', async url => {
    await using mail = await strict()
    const transport = createTransport(trusting(mail.smtp[url], mail.tls.ca))
    await transport.sendMail(message)
    transport.close()
    expect(await sessionOf(mail)).toEqual({ user: undefined, encrypted: true })
  })

  it('SMTP_URL, as its user', async () => {
    await using mail = await strict()
    const transport = createTransport(trusting(mail.env('MY_')['MY_SMTP_URL'] ?? '', mail.tls.ca))
    await transport.sendMail(message)
    transport.close()
    expect(await sessionOf(mail)).toEqual({ user, encrypted: true })
  })

  it.each(['SMTP_PORT', 'SMTPS_PORT'])('%s, as its user', async port => {
    await using mail = await strict()
    const env = mail.env()
    const transport = createTransport({
      host: env['SMTP_HOST'],
      port: Number(env[port]),
      secure: port === 'SMTPS_PORT',
      auth: { user: env['SMTP_USER'], pass: env['SMTP_PASSWORD'] },
      tls: { ca: mail.tls.ca },
    })
    await transport.sendMail(message)
    transport.close()
    expect(await sessionOf(mail)).toEqual({ user, encrypted: true })
  })
})

describeWith(['curl'], 'curl', () => {
  function curl(mail: TestMail, ...args: string[]) {
    const folder = temporaryDirectory()
    const [ca, letter] = [join(folder, 'ca.pem'), join(folder, 'letter.eml')]
    writeFileSync(ca, mail.tls.ca)
    writeFileSync(letter, 'Subject: Hello\r\n\r\nHello\r\n')
    const envelope = ['--mail-from', user, '--mail-rcpt', user, '--upload-file', letter]
    const read = args.some(each => each.startsWith('pop3'))
    return runProgram('curl', ['-sS', '--ssl-reqd', '--cacert', ca, ...(read ? [] : envelope), ...args])
  }

  it('sends by SMTP_URL and by both URLs', async () => {
    for (const [urlOf, who] of [
      [(mail: TestMail) => mail.env()['SMTP_URL'] ?? '', user],
      [(mail: TestMail) => mail.smtp.url, undefined],
      [(mail: TestMail) => mail.smtp.secureUrl, undefined],
    ] as const) {
      await using mail = await strict()
      expect(await curl(mail, urlOf(mail))).toMatchObject({ code: 0, problems: '' })
      expect(await sessionOf(mail)).toEqual({ user: who, encrypted: true })
    }
  })

  it('reads by POP3_PORT and POP3S_PORT', async () => {
    await using mail = await strict()
    await mail.seed([{ raw: 'Subject: x\r\n\r\nOld\r\n', to: user }])
    const env = mail.env()
    const login = ['--user', `${env['SMTP_USER']}:${env['SMTP_PASSWORD']}`]
    for (const url of [
      `pop3://${env['POP3_HOST']}:${env['POP3_PORT']}`,
      `pop3s://127.0.0.1:${env['POP3S_PORT']}`,
    ])
      expect((await curl(mail, ...login, `${url}/1`)).output).toBe('Subject: x\r\n\r\nOld\r\n')
  })
})
