import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTransport } from 'nodemailer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testTls, testTlsFiles } from '../fixtures/tls.js'
import { startHost } from '../smtp-server/mail-host.js'
import { describeWith, python } from '../testing-tools/tools.js'
import { runProgram } from './run-program.js'

const letter = 'Subject: dots\r\nFrom: bob@example.test\r\n\r\n.\r\n..two\r\n.one\r\nend\r\n'
const folder = mkdtempSync(join(tmpdir(), 'posthorn-interop-'))
const file = join(folder, 'letter.eml')
beforeAll(() => writeFileSync(file, letter))
afterAll(() => rmSync(folder, { recursive: true }))

const submission = { kind: 'submission' } as const
const secured = { tls: testTls }
/** The letter as it lies in the mailbox, below the fields that the server added. */
const received = (message = '') => message.slice(message.indexOf('Subject: dots'))

describeWith(['curl'], 'curl sends mail', () => {
  const curl = (...args: string[]) =>
    runProgram('curl', [
      '--silent',
      '--show-error',
      '--mail-from',
      'bob@other.test',
      '--upload-file',
      file,
      ...args,
    ])

  it('in the clear, to a local recipient', async () => {
    const host = await startHost()
    const { code } = await curl(
      '--mail-rcpt',
      'alice@example.test',
      `smtp://127.0.0.1:${host.port}/client.test`,
    )
    expect(code).toBe(0)
    const [message] = await host.inbox('alice')
    expect(received(message)).toBe(letter)
    expect(message).toMatch(
      /^Return-Path: <bob@other\.test>\r\nReceived: from client\.test \(\[127\.0\.0\.1\]\)/,
    )
  })

  it('over STARTTLS with AUTH PLAIN and LOGIN', async () => {
    const host = await startHost(secured, submission)
    for (const method of ['PLAIN', 'LOGIN']) {
      const sent = await curl(
        ...['--ssl-reqd', '--cacert', testTlsFiles.cert, '--user', 'bob:hunter2'],
        ...[
          '--login-options',
          `AUTH=${method}`,
          '--mail-from',
          'bob@example.test',
          '--mail-rcpt',
          'alice@example.test',
        ],
        ...['--resolve', `localhost:${host.port}:127.0.0.1`, `smtp://localhost:${host.port}`],
      )
      expect(sent).toMatchObject({ code: 0, problems: '' })
    }
    expect((await host.inbox('alice')).map(received)).toEqual([letter, letter])
    expect(host.told('session:authenticated').map(event => event['mechanism'])).toEqual(['PLAIN', 'LOGIN'])
  })

  it('over implicit TLS', async () => {
    const host = await startHost(secured, { tls: 'implicit' })
    const url = `smtps://127.0.0.1:${host.port}`
    expect((await curl('--cacert', testTlsFiles.cert, '--mail-rcpt', 'alice@example.test', url)).code).toBe(0)
    expect((await host.inbox('alice')).map(received)).toEqual([letter])
  })

  it('not to strangers, and not with a wrong password', async () => {
    const host = await startHost({ allowInsecureAuth: true })
    const url = `smtp://127.0.0.1:${host.port}`
    // 55: the server refused what was sent; 67: the login was denied.
    expect((await curl('--mail-rcpt', 'someone@other.test', url)).code).toBe(55)
    expect((await curl('--user', 'bob:wrong', '--mail-rcpt', 'alice@example.test', url)).code).toBe(67)
    expect(host.batches).toEqual([])
  })
})

describeWith(['swaks'], 'swaks sends mail', () => {
  const swaks = (port: number, ...args: string[]) =>
    runProgram('swaks', ['--server', '127.0.0.1', '--port', String(port), '--data', file, ...args])
  const addresses = ['--from', 'bob@example.test', '--to', 'alice@example.test,carol@example.test']

  it('to several recipients, pipelined', async () => {
    const host = await startHost()
    const sent = await swaks(host.port, ...addresses, '--pipeline', '--ehlo', 'client.test')
    expect(sent.code, sent.output).toBe(0)
    expect(await host.inbox('carol')).toHaveLength(1)
    expect(await host.inbox('alice')).toHaveLength(1)
  })

  it('over STARTTLS with each kind of AUTH', async () => {
    const host = await startHost(secured, submission)
    for (const method of ['PLAIN', 'LOGIN']) {
      const login = ['--auth', method, '--auth-user', 'bob', '--auth-password', 'hunter2']
      const sent = await swaks(host.port, ...addresses, '--tls', ...login)
      expect(sent.code, sent.output).toBe(0)
    }
    expect(await host.inbox('alice')).toHaveLength(2)
  })

  it('over LMTP, with a reply for each recipient', async () => {
    const host = await startHost({}, { kind: 'lmtp' })
    const sent = await swaks(host.port, ...addresses, '--protocol', 'LMTP')
    expect(sent.code, sent.output).toBe(0)
    expect(sent.output.match(/^<-\s+250 2\.\d\.\d .*accepted/gm)).toHaveLength(2)
  })

  it('and hears that AUTH needs TLS', async () => {
    const host = await startHost(secured, submission)
    const sent = await swaks(
      host.port,
      ...addresses,
      '--auth',
      'PLAIN',
      '--auth-user',
      'bob',
      '--auth-password',
      'hunter2',
    )
    expect(sent.code).not.toBe(0)
    expect(sent.output).not.toMatch(/250-AUTH/)
    expect(host.batches).toEqual([])
  })
})

describeWith(['msmtp'], 'msmtp sends mail', () => {
  const msmtp = (port: number, ...args: string[]) =>
    runProgram('msmtp', ['--host=127.0.0.1', `--port=${port}`, ...args, 'alice@example.test'], letter)
  const login = ['--auth=plain', '--user=bob', '--passwordeval=echo hunter2', '--from=bob@example.test']
  const trust = ['--tls=on', `--tls-trust-file=${testTlsFiles.cert}`]

  it('in the clear', async () => {
    const host = await startHost()
    expect(await msmtp(host.port, '--from=bob@other.test')).toMatchObject({ code: 0, problems: '' })
    expect((await host.inbox('alice')).map(received)).toEqual([letter])
  })

  it('over STARTTLS and over implicit TLS, with AUTH', async () => {
    const host = await startHost(secured, submission)
    const implicit = await host.server.listen({ host: '127.0.0.1', port: 0, tls: 'implicit', ...submission })
    expect(await msmtp(host.port, ...trust, '--tls-starttls=on', ...login)).toMatchObject({
      code: 0,
      problems: '',
    })
    expect(await msmtp(implicit.port, ...trust, '--tls-starttls=off', ...login)).toMatchObject({
      code: 0,
      problems: '',
    })
    expect((await host.inbox('alice')).map(received)).toEqual([letter, letter])
  })

  it('and tells what was refused', async () => {
    const host = await startHost()
    const sent = await runProgram(
      'msmtp',
      ['--host=127.0.0.1', `--port=${host.port}`, '--from=bob@other.test', 'nobody@example.test'],
      letter,
    )
    expect(sent.code).toBe(65)
    expect(sent.problems).toContain('550 5.1.1')
  })
})

const smtplib = `
import smtplib, ssl, sys
port, cafile = int(sys.argv[1]), sys.argv[2]
letter = sys.stdin.buffer.read()
with smtplib.SMTP('127.0.0.1', port, local_hostname='client.test') as client:
    client.starttls(context=ssl.create_default_context(cafile=cafile))
    client.ehlo()
    assert client.has_extn('8bitmime') and client.has_extn('smtputf8') and client.has_extn('dsn'), client.esmtp_features
    assert int(client.esmtp_features['size']) > 0
    client.login('bob', 'hunter2')
    refused = client.sendmail('bob@example.test', ['alice@example.test', 'nobody@example.test'], letter,
        mail_options=['BODY=8BITMIME', 'RET=HDRS', 'ENVID=q+2B1'], rcpt_options=['NOTIFY=FAILURE'])
    assert refused['nobody@example.test'][0] == 550, refused
    client.sendmail('bob@example.test', ['j\\u00fcrgen@example.test'], letter, mail_options=['SMTPUTF8', 'BODY=8BITMIME'])
    try:
        client.sendmail('alice@example.test', ['bob@example.test'], letter)
        raise SystemExit('bob may not send as alice')
    except smtplib.SMTPSenderRefused as refusal:
        assert refusal.smtp_code == 553, refusal
    assert client.noop()[0] == 250
    assert client.vrfy('alice')[0] == 252
`

describeWith([python], "python's smtplib sends mail", () => {
  it('with STARTTLS, AUTH, DSN parameters, 8BITMIME and SMTPUTF8', async () => {
    const host = await startHost(secured, submission)
    const sent = await runProgram(
      '/usr/bin/python3',
      ['-c', smtplib, String(host.port), testTlsFiles.cert],
      letter,
    )
    expect(sent).toEqual({ code: 0, output: '', problems: '' })
    expect((await host.inbox('alice')).map(received)).toEqual([letter])
    expect((await host.inbox('bob')).map(received)).toEqual([letter])
    const [first, second] = host.told('message:accepted').map(event => event['envelope'])
    expect(first).toMatchObject({
      body: '8bitmime',
      ret: 'hdrs',
      envid: 'q+1',
      recipients: [{ address: 'alice@example.test', notify: ['failure'] }],
    })
    expect(second).toMatchObject({ smtputf8: true, recipients: [{ address: 'jürgen@example.test' }] })
  })
})

describe('nodemailer sends mail', () => {
  it('over one kept connection, with attachments and DSN', async () => {
    const host = await startHost(secured, submission)
    const client = createTransport({
      host: '127.0.0.1',
      port: host.port,
      pool: true,
      requireTLS: true,
      tls: { ca: testTls.cert, servername: 'localhost' },
      auth: { user: 'bob', pass: 'hunter2' },
    })
    const mail = {
      from: 'bob@example.test',
      to: 'Alice <alice@example.test>',
      bcc: 'postmaster@example.test',
      text: 'See below.',
      attachments: [{ filename: 'a.bin', content: Buffer.from([0, 1, 2, 253, 254, 255]) }],
      dsn: { id: 'order 1', return: 'headers', notify: ['failure', 'delay'] },
    } as const
    for (const subject of ['one', 'two', 'three']) {
      const sent = await client.sendMail({
        ...mail,
        attachments: [...mail.attachments],
        dsn: { ...mail.dsn, notify: [...mail.dsn.notify] },
        subject,
      })
      expect(sent.accepted).toEqual(['alice@example.test', 'postmaster@example.test'])
    }
    client.close()
    const mailbox = await host.store.mailbox('alice')
    const parsed = await Promise.all((await mailbox.list()).map(message => mailbox.parse(message)))
    expect(parsed.map(message => message.subject)).toEqual(['one', 'two', 'three'])
    expect(Buffer.from(parsed[0]?.attachments[0]?.content ?? [])).toEqual(
      Buffer.from([0, 1, 2, 253, 254, 255]),
    )
    expect(host.told('message:accepted')[0]?.['envelope']).toMatchObject({ envid: 'order 1', ret: 'hdrs' })
    expect(host.told('session:opened')).toHaveLength(1)
  })
})
