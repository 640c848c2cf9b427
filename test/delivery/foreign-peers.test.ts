import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { SMTPServer } from 'smtp-server'
import { afterEach, describe, expect, it } from 'vitest'
import { nodeNetwork } from '../../src/core/network.js'
import { createMxTransport } from '../../src/delivery/create-mx-transport.js'
import type { Transport } from '../../src/delivery/transport.js'
import { createDnsZone } from '../../src/dns/zone/create-dns-zone.js'
import { bytesSource } from '../../src/message/sources.js'
import { testTls, testTlsFiles } from '../fixtures/tls.js'
import { aiosmtpd, describeWith } from '../testing-tools/tools.js'

const python = '/usr/bin/python3'
const smtpSink = '/usr/sbin/smtp-sink'

const content =
  `Subject: dots\r\n\r\n.\r\n..two\r\n.one\r\nbare\nline\rbreaks\r\n${'x'.repeat(70)}\r\n`.repeat(3)
const arrived = content.replace(/\r\n|\r|\n/g, '\r\n')
const large = `Subject: large\r\n\r\n${`${'0123456789'.repeat(7)}\r\n.dot\r\n`.repeat(40_000)}`

const children: ChildProcess[] = []
const transports: Transport[] = []
afterEach(async () => {
  await Promise.all(transports.splice(0).map(transport => transport.close()))
  for (const child of children.splice(0)) {
    child.kill()
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
})

function deliverTo(port: number, recipients: string[], message: string) {
  const transport = createMxTransport({
    resolver: createDnsZone({ 'rome.test': { mx: 'mx.rome.test' }, 'mx.rome.test': { a: '127.0.0.1' } }),
    hostname: 'mx.paris.test',
    port,
    allowPrivateAddresses: true,
    tlsOptions: { ca: testTls.cert },
  })
  transports.push(transport)
  return transport.deliver(
    {
      traceId: 'trace',
      destination: 'rome.test',
      envelope: { sender: 'alice@paris.test', body: '8bitmime', ret: 'hdrs', envid: 'id+1' },
      recipients: recipients.map(address => ({ address, notify: ['failure'] })),
      message: bytesSource(message),
      attempt: 1,
    },
    AbortSignal.timeout(15_000),
  )
}

describe('smtp-server', () => {
  it('takes dots, bare line breaks and large messages, over TLS', async () => {
    const received: { body: string; to: string[]; secure: boolean }[] = []
    const server = new SMTPServer({
      ...testTls,
      authOptional: true,
      onRcptTo: (address, _, done) => done(address.address.startsWith('no') ? new Error('Unknown') : null),
      onData(stream, session, done) {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          const to = session.envelope.rcptTo.map(({ address }) => address)
          received.push({ body: Buffer.concat(chunks).toString(), to, secure: session.secure })
          done()
        })
      },
    })
    const listening = server.listen(0, '127.0.0.1')
    await once(listening, 'listening')
    const { port } = listening.address() as { port: number }
    try {
      const outcomes = await deliverTo(port, ['bob@rome.test', 'nobody@rome.test'], content)
      expect(outcomes).toMatchObject([
        { recipient: 'nobody@rome.test', status: 'failed', scope: 'recipient', reply: { code: 550 } },
        { recipient: 'bob@rome.test', status: 'delivered', tls: expect.stringContaining('TLS') },
      ])
      expect(await deliverTo(port, ['bob@rome.test'], large)).toMatchObject([{ status: 'delivered' }])
      expect(received).toEqual([
        { body: arrived, to: ['bob@rome.test'], secure: true },
        { body: large, to: ['bob@rome.test'], secure: true },
      ])
    } finally {
      server.close()
    }
  })
})

const pythonServer = `
import asyncio, json, ssl, sys
from aiosmtpd.smtp import SMTP
class Keep:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith('no'): return '550 5.1.1 Unknown'
        envelope.rcpt_tos.append(address)
        return '250 OK'
    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({'body': envelope.original_content.decode('latin1'), 'to': envelope.rcpt_tos,
            'options': envelope.mail_options, 'secure': session.ssl is not None}), flush=True)
        return '250 Kept'
async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    loop = asyncio.get_running_loop()
    make = lambda: SMTP(Keep(), tls_context=context, require_starttls=True, enable_SMTPUTF8=True, loop=loop)
    server = await loop.create_server(make, '127.0.0.1', 0)
    print(json.dumps({'port': server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()
asyncio.run(main())
`

describeWith([aiosmtpd], 'aiosmtpd', () => {
  it('takes what it is sent, though it does not pipeline', async () => {
    const child = spawn(python, ['-c', pythonServer, testTlsFiles.cert, testTlsFiles.key], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    const next = async () => JSON.parse(String((await lines.next()).value))
    const { port } = await next()
    const outcomes = await deliverTo(port, ['bob@rome.test', 'nobody@rome.test'], content)
    expect(outcomes).toMatchObject([
      { recipient: 'nobody@rome.test', status: 'failed', reply: { code: 550, enhanced: '5.1.1' } },
      { recipient: 'bob@rome.test', status: 'delivered', tls: expect.stringContaining('TLS') },
    ])
    expect(await next()).toEqual({
      body: arrived,
      to: ['bob@rome.test'],
      options: [`SIZE=${content.length}`, 'BODY=8BITMIME'],
      secure: true,
    })
    await deliverTo(port, ['bob@rome.test'], large)
    expect((await next()).body).toBe(large)
  })
})

describeWith(['smtp-sink'], "Postfix's smtp-sink", () => {
  async function startSink(...options: string[]) {
    const directory = mkdtempSync(join(tmpdir(), 'posthorn-sink-'))
    // It refuses to stay root.
    const asNobody = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
    if (asNobody.length > 0) chmodSync(directory, 0o777)
    const reserved = await nodeNetwork.listen({ host: '127.0.0.1', port: 0 }, socket => socket.destroy())
    await reserved.close()
    const child = spawn(
      smtpSink,
      [...asNobody, ...options, '-d', `${directory}/%s-`, `127.0.0.1:${reserved.port}`, '10'],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    )
    children.push(child)
    await expect.poll(() => canConnect(reserved.port), { timeout: 5000, interval: 20 }).toBe(true)
    const messages = () =>
      readdirSync(directory)
        .map(name => readFileSync(join(directory, name), 'latin1'))
        .filter(text => text.includes('Subject:'))
    return { port: reserved.port, messages, clean: () => rmSync(directory, { recursive: true }) }
  }

  async function canConnect(port: number): Promise<boolean> {
    try {
      const socket = await nodeNetwork.connect({ host: '127.0.0.1', port })
      socket.destroy()
      return true
    } catch {
      return false
    }
  }

  it.each([[[]], [['-p']]])('takes what it is sent, with options %j', async options => {
    const sink = await startSink(...options)
    try {
      expect(await deliverTo(sink.port, ['bob@rome.test', 'carol@rome.test'], content)).toMatchObject([
        { status: 'delivered', dsnPassedOn: true },
        { status: 'delivered', dsnPassedOn: true },
      ])
      expect(await deliverTo(sink.port, ['bob@rome.test'], large)).toMatchObject([{ status: 'delivered' }])
      const seen = sink.messages().map(text => text.slice(text.indexOf('Subject:')).trimEnd())
      expect(seen.toSorted()).toEqual(
        [arrived, large].map(text => text.replaceAll('\r\n', '\n').trimEnd()).toSorted(),
      )
    } finally {
      sink.clean()
    }
  })

  it.each([
    ['-f', 'RCPT', { status: 'failed', scope: 'recipient' }],
    ['-r', 'RCPT', { status: 'deferred', scope: 'recipient' }],
    ['-f', 'MAIL', { status: 'failed', scope: 'message' }],
    ['-r', 'DATA', { status: 'deferred', scope: 'message' }],
    ['-f', '.', { status: 'failed', scope: 'message' }],
    ['-q', 'RCPT', { status: 'deferred', scope: 'host' }],
    ['-q', '.', { status: 'unknown', scope: 'host' }],
    ['-f', 'EHLO', { status: 'delivered', dsnPassedOn: false }],
  ])('is understood when it is told %s %s', async (flag, verb, outcome) => {
    const sink = await startSink(flag, verb)
    try {
      expect(await deliverTo(sink.port, ['bob@rome.test'], content)).toMatchObject([outcome])
    } finally {
      sink.clean()
    }
  })
})
