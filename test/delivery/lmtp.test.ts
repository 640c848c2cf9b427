import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createSimulatedNetwork } from '../../src/core/simulated-network.js'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import { createLmtpTransport } from '../../src/delivery/create-lmtp-transport.js'
import type { Delivery, Transport } from '../../src/delivery/transport.js'
import { createDnsZone } from '../../src/dns/zone/create-dns-zone.js'
import { bytesSource } from '../../src/message/sources.js'
import { createScriptedServer } from '../../src/testing/remote/create-scripted-server.js'
import { drop, hangUp, type Script } from '../../src/testing/remote/script.js'
import { testTls } from '../fixtures/tls.js'
import { describeWith } from '../testing-tools/tools.js'
import { type Dovecot, dovecotLmtp, startDovecot } from './dovecot-lmtp.js'

const closing: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close()
})

function letterFor(...to: string[]): Delivery {
  return {
    traceId: 'trace',
    destination: 'rome.test',
    envelope: { sender: 'alice@paris.test' },
    recipients: to.map(address => ({ address })),
    message: bytesSource('Subject: Hello\r\n\r\n.How are you?\r\n'),
    attempt: 1,
  }
}

const deliver = (transport: Transport, ...to: string[]) =>
  transport.deliver(letterFor(...to), new AbortController().signal)

async function scripted(script: Script) {
  const network = createSimulatedNetwork()
  const clock = createVirtualClock()
  const server = createScriptedServer({ protocol: 'lmtp', network: network.host('192.0.2.7'), clock, script })
  await server.listen({ host: '192.0.2.7', port: 24 })
  const transport = createLmtpTransport({
    hostname: 'mx.paris.test',
    host: '192.0.2.7',
    network: network.host('192.0.2.1'),
    clock,
  })
  closing.push(transport, server)
  return { server, transport }
}

describe('createLmtpTransport', () => {
  it('takes a reply for each recipient after the dot', async () => {
    const { server, transport } = await scripted({
      RCPT: { inTurn: ['250 ok', '550 5.1.1 nobody', '250 ok', '250 ok'] },
      dot: { inTurn: ['250 2.0.0 kept', '452 4.2.2 full', '554 5.7.1 refused'] },
    })
    const outcomes = await deliver(transport, 'a@rome.test', 'b@rome.test', 'c@rome.test', 'd@rome.test')
    expect(outcomes.map(({ recipient, status, scope }) => [recipient, status, scope])).toEqual([
      ['b@rome.test', 'failed', 'recipient'],
      ['a@rome.test', 'delivered', 'recipient'],
      ['c@rome.test', 'deferred', 'recipient'],
      ['d@rome.test', 'failed', 'recipient'],
    ])
    expect(server.connections[0]?.commands[0]).toBe('LHLO mx.paris.test')
    // What stands behind it is the mailbox.
    expect(outcomes.filter(outcome => outcome.final).map(({ recipient }) => recipient)).toEqual([
      'a@rome.test',
    ])
  })

  it('knows nothing of recipients whose reply is missing', async () => {
    const { transport } = await scripted({
      dot: { inTurn: ['250 2.0.0 kept', hangUp] },
    })
    expect(await deliver(transport, 'a@rome.test', 'b@rome.test')).toMatchObject([
      { recipient: 'a@rome.test', status: 'delivered' },
      { recipient: 'b@rome.test', status: 'unknown', scope: 'host' },
    ])
  })

  it('takes 452 to the message for no more than it says: the others have theirs, and it is not sent again', async () => {
    const { server, transport } = await scripted({ dot: { inTurn: ['250 2.0.0 kept', '452 Full'] } })
    expect(await deliver(transport, 'a@rome.test', 'b@rome.test')).toMatchObject([
      { recipient: 'a@rome.test', status: 'delivered' },
      { recipient: 'b@rome.test', status: 'deferred', reply: { code: 452 } },
    ])
    expect(server.connections[0]?.messages).toHaveLength(1)
  })

  it('trusts no certificate of nobody', async () => {
    const network = createSimulatedNetwork()
    const clock = createVirtualClock()
    const server = createScriptedServer({
      protocol: 'lmtp',
      network: network.host('192.0.2.7'),
      clock,
      tls: testTls,
    })
    await server.listen({ host: '192.0.2.7', port: 24 })
    const options = { hostname: 'mx.paris.test', host: '192.0.2.7', tls: 'starttls' } as const
    const transport = createLmtpTransport({ ...options, network: network.host('192.0.2.1'), clock })
    closing.push(transport, server)
    expect(await deliver(transport, 'a@rome.test')).toMatchObject([
      { status: 'deferred', scope: 'host', enhanced: '4.7.5' },
    ])
    expect(server.connections[0]?.messages).toEqual([])
  })

  it('says HELO to no server that does not know LHLO (RFC 2033 §4.1)', async () => {
    const { server, transport } = await scripted({ LHLO: '500 5.5.1 What?' })
    expect(await deliver(transport, 'a@rome.test')).toMatchObject([{ status: 'deferred', scope: 'host' }])
    await server.connections[0]?.closed
    expect(server.connections[0]?.commands).toEqual(['LHLO mx.paris.test', 'QUIT'])
  })

  it('hears every recipient out, one that is told of the end of the service too', async () => {
    const { transport } = await scripted({ dot: { inTurn: ['421 4.3.2 Closing', '250 2.0.0 kept', hangUp] } })
    expect(await deliver(transport, 'a@rome.test', 'b@rome.test', 'c@rome.test')).toMatchObject([
      { recipient: 'a@rome.test', status: 'deferred', reply: { code: 421 } },
      { recipient: 'b@rome.test', status: 'delivered' },
      { recipient: 'c@rome.test', status: 'unknown' },
    ])
  })

  it('leaves a server that wants a message for nobody, and would take what comes next for it', async () => {
    const { server, transport } = await scripted({
      extensions: ['PIPELINING'],
      RCPT: { inTurn: ['550 5.1.1 nobody', '250 ok'] },
      DATA: '354 Go ahead',
    })
    expect(await deliver(transport, 'a@rome.test')).toMatchObject([{ status: 'failed', scope: 'recipient' }])
    await server.connections[0]?.closed
    expect(server.connections[0]?.messages).toEqual([])
  })

  it('goes on over the same connection', async () => {
    const { server, transport } = await scripted({ dot: '250 2.0.0 kept' })
    for (const to of ['a@rome.test', 'b@rome.test']) {
      expect(await deliver(transport, to)).toMatchObject([{ recipient: to, status: 'delivered' }])
    }
    expect(server.connections).toHaveLength(1)
    expect(server.connections[0]?.commands).not.toContain('RSET')
  })

  it('defers what a broken server does not take', async () => {
    const { transport } = await scripted({ greeting: drop })
    expect(await deliver(transport, 'a@rome.test')).toMatchObject([{ status: 'deferred', scope: 'host' }])
  })

  it('takes a unix socket for safe enough for REQUIRETLS, a TCP port in the clear not', async () => {
    const { transport } = await scripted({})
    const secret = {
      ...letterFor('bob@rome.test'),
      envelope: { sender: 'alice@paris.test', requireTls: true },
    }
    const by = (one: Transport) => one.deliver(secret, new AbortController().signal)
    expect(await by(transport)).toMatchObject([{ status: 'failed', enhanced: '5.7.10' }])
    const network = createSimulatedNetwork()
    const encrypted = createScriptedServer({
      protocol: 'lmtp',
      network: network.host('192.0.2.7'),
      tls: testTls,
      extensions: ['STARTTLS'],
    })
    await encrypted.listen({ host: '192.0.2.7', port: 24 })
    const verified = createLmtpTransport({
      hostname: 'mx.paris.test',
      host: 'mx.rome.test',
      tls: 'starttls',
      tlsOptions: { ca: testTls.cert },
      network: network.host('192.0.2.1'),
      resolver: createDnsZone({ 'mx.rome.test': { a: '192.0.2.7' } }),
    })
    closing.push(verified, encrypted)
    expect(await by(verified)).toMatchObject([{ status: 'failed', enhanced: '5.7.30' }])
    const folder = await mkdtemp(join(tmpdir(), 'lmtp-'))
    const path = join(folder, 'socket')
    const server = createScriptedServer({ protocol: 'lmtp', extensions: ['PIPELINING'] })
    await server.listen({ path })
    const local = createLmtpTransport({ hostname: 'mx.paris.test', path })
    closing.push(local, server, { close: () => rm(folder, { recursive: true }) })
    expect(await by(local)).toMatchObject([{ status: 'delivered', final: true }])
    expect(server.connections[0]?.commands[1]).toBe('MAIL FROM:<alice@paris.test>')
  })

  it.each([[{}], [{ path: '/x', host: 'a.test' }], [{ path: '' }], [{ host: 'a b' }]])(
    'refuses %j',
    options => {
      expect(() => createLmtpTransport({ hostname: 'mx.paris.test', ...options })).toThrowError(
        expect.objectContaining({ code: 'OPTION_INVALID' }),
      )
    },
  )
})

describeWith([dovecotLmtp], "Debian's Dovecot over a unix socket", () => {
  let dovecot: Dovecot | undefined
  afterEach(async () => {
    await dovecot?.stop()
  })

  it('takes mail, and refuses what is not for its users or over their quota, each for itself', async () => {
    dovecot = await startDovecot()
    const transport = createLmtpTransport({ hostname: 'mx.paris.test', path: dovecot.socket })
    closing.push(transport)
    const outcomes = await deliver(transport, 'bob@rome.test', 'nobody@rome.test', 'carol@rome.test')
    expect(new Map(outcomes.map(one => [one.recipient, one]))).toMatchObject(
      new Map([
        ['bob@rome.test', { status: 'delivered', scope: 'recipient' }],
        ['nobody@rome.test', { status: 'failed', scope: 'recipient' }],
        ['carol@rome.test', { status: 'failed', scope: 'recipient' }],
      ]),
    )
    const [kept = ''] = dovecot.messages('bob')
    expect(kept).toContain('\n.How are you?')
    expect(kept).toContain('alice@paris.test')
    expect(await deliver(transport, 'bob@rome.test')).toMatchObject([{ status: 'delivered' }])
    expect(dovecot.messages('bob')).toHaveLength(2)
  })
})
