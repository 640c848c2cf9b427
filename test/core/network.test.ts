import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { canonicalIp, type Listener, nodeNetwork, type Peer } from '../../src/core/network.js'

const local = { host: '127.0.0.1', port: 0 }
const opened: { close(): unknown }[] = []

afterEach(() => {
  for (const one of opened.splice(0)) one.close()
})

/** A listener, and what it has accepted. */
async function listen(options: Parameters<typeof nodeNetwork.listen>[0] = local) {
  const accepted: { socket: net.Socket; peer: Peer }[] = []
  const arrived: (() => void)[] = []
  const listener = await nodeNetwork.listen(options, (socket, peer) => {
    accepted.push({ socket, peer })
    arrived.splice(0).map(resolve => resolve())
  })
  opened.push(listener)
  const arrival = () =>
    new Promise<void>(resolve => (accepted.length > 0 ? resolve() : arrived.push(resolve)))
  return { listener, accepted, arrival }
}

async function connect(listener: Listener) {
  const socket = await nodeNetwork.connect({ host: '127.0.0.1', port: listener.port })
  opened.push({ close: () => socket.destroy() })
  return socket
}

/** Unlike `once`, this does not listen for errors. */
function closed(socket: net.Socket): Promise<void> {
  return new Promise(resolve => (socket.closed ? resolve() : socket.resume().once('close', () => resolve())))
}

describe('nodeNetwork', () => {
  it('carries octets, and knows both ends', async () => {
    const { listener, accepted, arrival } = await listen()
    expect(listener).toMatchObject({ address: '127.0.0.1', port: expect.any(Number) })
    const client = await connect(listener)
    await arrival()
    expect(accepted[0]?.peer).toEqual({
      remoteAddress: '127.0.0.1',
      remotePort: client.localPort,
      localAddress: '127.0.0.1',
      localPort: listener.port,
    })
    accepted[0]?.socket.write('220 hello\r\n')
    const [greeting] = (await once(client, 'data')) as [Buffer]
    expect(greeting.toString()).toBe('220 hello\r\n')
  })

  it('listens on a port of the system’s choice when none is named', async () => {
    const { listener } = await listen({ host: '127.0.0.1' })
    expect(listener.port).toBeGreaterThan(0)
  })

  it('listens on a unix socket', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'network-test-'))
    const path = join(directory, 'lmtp.sock')
    const { listener, accepted, arrival } = await listen({ path })
    expect(listener).toMatchObject({ address: path, port: 0 })
    const client = await nodeNetwork.connect({ path })
    await arrival()
    expect(accepted[0]?.peer).toMatchObject({ remoteAddress: '', remotePort: 0 })
    client.destroy()
    await listener.close()
    await expect(nodeNetwork.connect({ path })).rejects.toMatchObject({ code: 'CONNECT_FAILED' })
    await rm(directory, { recursive: true })
  })

  it('says PORT_IN_USE, and where', async () => {
    const { listener } = await listen()
    const taken = listen({ host: '127.0.0.1', port: listener.port })
    await expect(taken).rejects.toMatchObject({
      name: 'MailError',
      code: 'PORT_IN_USE',
      message: `cannot listen on 127.0.0.1:${listener.port}: another process listens there`,
      cause: { code: 'EADDRINUSE' },
    })
  })

  it.each([
    { host: '192.0.2.1', port: 0 },
    { host: '127.0.0.1', port: 70_000 },
    { path: '/nowhere/at/all.sock' },
  ])('says LISTEN_FAILED for %j', async options => {
    await expect(listen(options)).rejects.toMatchObject({ name: 'MailError', code: 'LISTEN_FAILED' })
  })

  it.each([
    { host: '127.0.0.1', port: 70_000 },
    { host: '127.0.0.1', port: 1, localAddress: '192.0.2.1' },
    { path: '/nowhere/at/all.sock' },
  ])('says CONNECT_FAILED, temporary, for %j', async options => {
    await expect(nodeNetwork.connect(options)).rejects.toMatchObject({
      name: 'MailError',
      code: 'CONNECT_FAILED',
      temporary: true,
      cause: expect.any(Error),
    })
  })

  it('says why a connection was refused', async () => {
    const { listener } = await listen()
    await listener.close()
    await expect(nodeNetwork.connect({ host: '127.0.0.1', port: listener.port })).rejects.toMatchObject({
      code: 'CONNECT_FAILED',
      message: expect.stringContaining('ECONNREFUSED'),
      cause: { code: 'ECONNREFUSED' },
    })
  })

  it('ends an attempt with ABORTED, before and on the way', async () => {
    const target = { host: '127.0.0.1', port: 1 }
    const aborted = nodeNetwork.connect({ ...target, signal: AbortSignal.abort() })
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED', temporary: true })
    const { listener } = await listen()
    const controller = new AbortController()
    const attempt = nodeNetwork.connect({ ...target, port: listener.port, signal: controller.signal })
    controller.abort()
    await expect(attempt).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('no longer listens to the signal once connected', async () => {
    const { listener } = await listen()
    const controller = new AbortController()
    const socket = await nodeNetwork.connect({
      host: '127.0.0.1',
      port: listener.port,
      signal: controller.signal,
    })
    controller.abort()
    expect(socket.destroyed).toBe(false)
    socket.destroy()
  })

  it('stops accepting at once and frees the port, while accepted connections stay', async () => {
    const { listener, accepted, arrival } = await listen()
    const client = await connect(listener)
    await arrival()
    await listener.close()
    await listener.close()
    const again = await listen({ host: '127.0.0.1', port: listener.port })
    expect(again.listener.port).toBe(listener.port)
    accepted[0]?.socket.write('still here')
    const [data] = (await once(client, 'data')) as [Buffer]
    expect(data.toString()).toBe('still here')
  })

  it('survives a reset that nobody listens for, on either side', async () => {
    const { listener, accepted, arrival } = await listen()
    const client = await connect(listener)
    await arrival()
    accepted[0]?.socket.resetAndDestroy()
    await closed(client)
    const other = await nodeNetwork.connect({ host: '127.0.0.1', port: listener.port })
    other.resetAndDestroy()
    while (accepted.length < 2) await new Promise(resolve => setImmediate(resolve))
    const second = accepted[1]?.socket
    if (second) await closed(second)
  })
})

describe('canonicalIp', () => {
  it.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['::ffff:1', '::ffff:1'],
    ['192.0.2.1', '192.0.2.1'],
    ['', ''],
  ])('makes %j %j', (address, canonical) => {
    expect(canonicalIp(address)).toBe(canonical)
  })
})
