import { afterEach, expect, it } from 'vitest'
import { createLmtpTransport } from '../../src/delivery/create-lmtp-transport.js'
import { createSmarthostTransport } from '../../src/delivery/create-smarthost-transport.js'
import type { Transport } from '../../src/delivery/transport.js'
import { createDnsZone } from '../../src/dns/zone/create-dns-zone.js'
import { bytesSource } from '../../src/message/sources.js'
import { testTls } from '../fixtures/tls.js'
import { describeWith } from '../testing-tools/tools.js'
import { startDovecot } from './dovecot.js'
import { startPostfix } from './postfix.js'
import { maildir, root, serverDirectory } from './server-process.js'

const letter =
  'Message-ID: <1@paris.test>\r\nDate: Thu, 1 Jan 2026 08:00:00 +0000\r\nSubject: dots\r\n\r\n.\r\n..two\r\nend\r\n'
const hostname = 'mx.paris.test'
const tlsOptions = { ca: testTls.cert }
const resolver = createDnsZone({ 'mx.rome.test': { a: '127.0.0.1' } })

const transports: Transport[] = []
afterEach(() => Promise.all(transports.splice(0).map(transport => transport.close())))

function deliver(transport: Transport, ...recipients: string[]) {
  transports.push(transport)
  const delivery = {
    traceId: 'trace',
    destination: 'rome.test',
    envelope: { sender: 'alice@paris.test' },
    recipients: recipients.map(address => ({ address })),
    message: bytesSource(letter),
    attempt: 1,
  }
  return transport.deliver(delivery, AbortSignal.timeout(15_000))
}

describeWith(['dovecot', root], "Dovecot's LMTP", () => {
  it('takes mail by unix socket and by TCP with STARTTLS, with an answer for each recipient', async () => {
    await using directory = serverDirectory()
    const { lmtpSocket, port, mailbox } = await startDovecot(directory)
    const recipients = ['bob@rome.test', 'nobody@rome.test', 'carol@rome.test']
    const answers = [
      { recipient: 'bob@rome.test', status: 'delivered', reply: { code: 250, enhanced: '2.0.0' } },
      { recipient: 'carol@rome.test', status: 'delivered' },
      { recipient: 'nobody@rome.test', status: 'failed', reply: { code: 550, enhanced: '5.1.1' } },
    ]
    const sorted = async (transport: Transport) =>
      (await deliver(transport, ...recipients)).toSorted((a, b) => a.recipient.localeCompare(b.recipient))
    expect(await sorted(createLmtpTransport({ hostname, path: lmtpSocket }))).toMatchObject(answers)
    const byTcp = createLmtpTransport({
      ...{ hostname, host: 'mx.rome.test', port, tls: 'starttls' },
      ...{ tlsOptions, resolver },
    })
    const [first] = await sorted(byTcp)
    expect(first).toMatchObject({ status: 'delivered', tls: expect.stringContaining('TLSv1.3') })
    for (const message of await maildir(mailbox('bob'), 2)) {
      expect(message).toMatch(/^Return-Path: <alice@paris\.test>\n/)
      expect(message.slice(message.indexOf('Message-ID'))).toBe(letter.replaceAll('\r\n', '\n'))
    }
  })
})

describeWith(['postfix', 'dovecot', root], 'Postfix as a smarthost, with logins by Dovecot', () => {
  it('takes mail of who logs in over STARTTLS, and of nobody else', async () => {
    await using directory = serverDirectory()
    const { authSocket } = await startDovecot(directory)
    await using other = serverDirectory()
    const { port, mailbox } = await startPostfix(other, { authSocket })
    const smarthost = (auth?: { user: string; password: string; mechanism?: 'PLAIN' | 'LOGIN' }) =>
      createSmarthostTransport({
        ...{ hostname, tlsOptions, resolver, servers: [{ host: 'mx.rome.test', port }] },
        ...(auth && { auth }),
      })
    for (const mechanism of ['PLAIN', 'LOGIN'] as const) {
      const transport = smarthost({ user: 'bob', password: 'builder', mechanism })
      const answers = await deliver(transport, 'bob@rome.test', 'eve@oslo.test')
      expect(answers, mechanism).toMatchObject([{ status: 'delivered' }, { status: 'delivered' }])
    }
    expect(await maildir(mailbox('bob'), 2)).toHaveLength(2)
    expect(await deliver(smarthost(), 'eve@oslo.test')).toMatchObject([
      { status: 'failed', scope: 'recipient', reply: { code: 554, enhanced: '5.7.1' } },
    ])
    expect(await deliver(smarthost({ user: 'bob', password: 'wrong' }), 'eve@oslo.test')).toMatchObject([
      { status: 'deferred', scope: 'host', reply: { code: 535 } },
    ])
  })
})
