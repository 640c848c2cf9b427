import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { ListenOptions, Network, Peer } from '../../src/core/network.js'
import { createSimulatedNetwork } from '../../src/core/simulated-network.js'
import { testTls } from '../fixtures/tls.js'

const opened: { close(): unknown }[] = []

afterEach(() => {
  for (const one of opened.splice(0)) one.close()
})

/** A listener that greets with the peer it sees. */
async function greeter(network: Network, options: ListenOptions) {
  const listener = await network.listen(options, (socket, peer) => socket.end(JSON.stringify(peer)))
  opened.push(listener)
  return listener
}

async function read(socket: net.Socket): Promise<string> {
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}

async function peerSeen(network: Network, host: string, port: number): Promise<Peer> {
  return JSON.parse(await read(await network.connect({ host, port }))) as Peer
}

describe('createSimulatedNetwork', () => {
  it('gives each host its own addresses and any port, 25 included', async () => {
    const internet = createSimulatedNetwork()
    const [paris, rome] = [internet.host('192.0.2.1'), internet.host('192.0.2.2')]
    expect(await greeter(paris, { port: 25 })).toMatchObject({ address: '192.0.2.1', port: 25 })
    await greeter(rome, { port: 25 })
    expect(await peerSeen(rome, '192.0.2.1', 25)).toMatchObject({
      remoteAddress: '192.0.2.2',
      localAddress: '192.0.2.1',
      localPort: 25,
    })
    expect(await peerSeen(paris, '192.0.2.2', 25)).toMatchObject({
      remoteAddress: '192.0.2.1',
      localAddress: '192.0.2.2',
    })
  })

  it('shows many callers at once rightly', async () => {
    const internet = createSimulatedNetwork()
    await greeter(internet.host('192.0.2.1'), { port: 25 })
    const callers = Array.from({ length: 100 }, (_, index) => `198.51.100.${index}`)
    const seen = await Promise.all(callers.map(own => peerSeen(internet.host(own), '192.0.2.1', 25)))
    expect(seen.map(peer => peer.remoteAddress)).toEqual(callers)
  })

  it('calls from the address of the same family, or the one that is named', async () => {
    const internet = createSimulatedNetwork()
    const server = internet.host('192.0.2.1', '2001:db8::1')
    await greeter(server, { port: 25 })
    const client = internet.host('198.51.100.1', '2001:DB8:0:0::2', '198.51.100.2')
    expect((await peerSeen(client, '192.0.2.1', 25)).remoteAddress).toBe('198.51.100.1')
    expect(await peerSeen(client, '2001:db8:0::1', 25)).toMatchObject({
      remoteAddress: '2001:db8::2',
      localAddress: '2001:db8::1',
    })
    const named = await client.connect({ host: '192.0.2.1', port: 25, localAddress: '198.51.100.2' })
    expect(JSON.parse(await read(named))).toMatchObject({ remoteAddress: '198.51.100.2' })
  })

  it('listens on one address of a host where it is named', async () => {
    const internet = createSimulatedNetwork()
    const host = internet.host('192.0.2.1', '192.0.2.2')
    await greeter(host, { host: '192.0.2.2', port: 25 })
    await expect(host.connect({ host: '192.0.2.1', port: 25 })).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      cause: { code: 'ECONNREFUSED' },
    })
    expect((await peerSeen(host, '192.0.2.2', 25)).localAddress).toBe('192.0.2.2')
  })

  it('chooses a port for those who want none in particular', async () => {
    const host = createSimulatedNetwork().host('192.0.2.1')
    const [one, two] = [await greeter(host, {}), await greeter(host, { port: 0 })]
    expect(one.port).not.toBe(two.port)
    expect((await peerSeen(host, '192.0.2.1', two.port)).localPort).toBe(two.port)
  })

  it('says PORT_IN_USE, also to two who ask at once, and frees the port on close', async () => {
    const host = createSimulatedNetwork().host('192.0.2.1')
    const both = await Promise.allSettled([greeter(host, { port: 25 }), greeter(host, { port: 25 })])
    expect(both).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'PORT_IN_USE' } },
    ])
    const [first] = both
    if (first.status !== 'fulfilled') throw new Error('unreachable')
    await first.value.close()
    await greeter(host, { port: 25 })
    await first.value.close()
    expect((await peerSeen(host, '192.0.2.1', 25)).localPort).toBe(25)
  })

  it('cuts an address off in both directions, and puts it back', async () => {
    const internet = createSimulatedNetwork()
    const [paris, rome] = [internet.host('192.0.2.1'), internet.host('192.0.2.2')]
    await greeter(paris, { port: 25 })
    await greeter(rome, { port: 25 })
    internet.unplug('192.0.2.2')
    const timedOut = { code: 'CONNECT_FAILED', temporary: true, cause: { code: 'ETIMEDOUT' } }
    await expect(paris.connect({ host: '192.0.2.2', port: 25 })).rejects.toMatchObject(timedOut)
    await expect(rome.connect({ host: '192.0.2.1', port: 25 })).rejects.toMatchObject(timedOut)
    internet.plug('192.0.2.2')
    expect((await peerSeen(paris, '192.0.2.2', 25)).remoteAddress).toBe('192.0.2.1')
  })

  it('lets a client from outside in by the real port', async () => {
    const internet = createSimulatedNetwork()
    const listener = await greeter(internet.host('192.0.2.1'), { port: 25 })
    const port = internet.realPort('192.0.2.1', 25) ?? 0
    const seen = JSON.parse(await read(net.connect(port, '127.0.0.1'))) as Peer
    expect(seen).toMatchObject({ remoteAddress: '127.0.0.1', localAddress: '192.0.2.1', localPort: 25 })
    await listener.close()
    expect(internet.realPort('192.0.2.1', 25)).toBeUndefined()
    expect(internet.realPort('192.0.2.9', 25)).toBeUndefined()
  })

  it('carries TLS', async () => {
    const internet = createSimulatedNetwork()
    const { key, cert } = testTls
    const server = internet.host('192.0.2.1')
    const listener = await server.listen({ port: 465 }, socket => {
      const secure = new tls.TLSSocket(socket, { isServer: true, key, cert })
      secure.on('error', () => {})
      secure.end('encrypted')
    })
    opened.push(listener)
    const plain = await internet.host('192.0.2.2').connect({ host: '192.0.2.1', port: 465 })
    const secure = tls.connect({ socket: plain, rejectUnauthorized: false })
    await once(secure, 'secureConnect')
    expect(await read(secure)).toBe('encrypted')
  })

  it('ends an attempt with ABORTED', async () => {
    const host = createSimulatedNetwork().host('192.0.2.1')
    await greeter(host, { port: 25 })
    const attempt = host.connect({ host: '192.0.2.1', port: 25, signal: AbortSignal.abort() })
    await expect(attempt).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('survives a caller that is gone before it is seen', async () => {
    const host = createSimulatedNetwork().host('192.0.2.1')
    await greeter(host, { port: 25 })
    const sockets = await Promise.all(
      Array.from({ length: 20 }, () => host.connect({ host: '192.0.2.1', port: 25 })),
    )
    for (const socket of sockets) socket.resetAndDestroy()
    expect((await peerSeen(host, '192.0.2.1', 25)).localPort).toBe(25)
  })

  it('wants IP addresses', async () => {
    const internet = createSimulatedNetwork()
    expect(() => internet.host()).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    expect(() => internet.host('mx.test')).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    await expect(internet.host('192.0.2.1').connect({ host: 'mx.test', port: 25 })).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
    })
  })
})
