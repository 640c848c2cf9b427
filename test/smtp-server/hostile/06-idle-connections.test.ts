import { describe, expect, it } from 'vitest'
import { createSimulatedNetwork } from '../../../src/core/simulated-network.js'
import { testTls } from '../../fixtures/tls.js'
import { Conversation } from '../conversation.js'
import { deliver, startHost } from '../mail-host.js'

describe('idle connections', () => {
  it('are limited for each address and in total, and others are served', async () => {
    const host = await startHost({ limits: { connections: 60, connectionsPerAddress: 50 } })
    for (let index = 0; index < 50; index++) await host.connect()
    const beyond = await Conversation.open(host.port)
    expect(await beyond.closed()).toMatch(/^421 4\.7\.0/)
    const other = await host.hello({ from: '127.0.0.2' })
    await deliver(other)
    for (let index = 3; index < 12; index++) await host.connect({ from: `127.0.0.${index}` })
    const full = await Conversation.open(host.port, { from: '127.0.0.99' })
    expect(await full.closed()).toMatch(/^421 4\.7\.0/)
    expect(host.told('session:refused').map(event => event['reason'])).toEqual([
      'address-connections',
      'connections',
    ])
    expect(host.server.connections).toBe(60)
  })

  it('give their places back, after TLS too', async () => {
    const host = await startHost({ tls: testTls, limits: { connections: 2, connectionsPerAddress: 2 } })
    for (let round = 0; round < 5; round++) {
      const plain = await host.hello()
      const secured = await host.hello()
      await secured.ask('STARTTLS', '220')
      await secured.secure()
      await secured.ask('EHLO x', '250')
      plain.send('QUIT')
      secured.send('QUIT')
      await Promise.all([plain.closed(), secured.closed()])
      plain.destroy()
      secured.destroy()
      while (host.server.connections > 0) await new Promise(resolve => setImmediate(resolve))
    }
  })

  it('of one /64 count as one client', async () => {
    const internet = createSimulatedNetwork()
    const host = await startHost(
      { network: internet.host('2001:db8:1::25'), limits: { connectionsPerAddress: 2 } },
      { host: '2001:db8:1::25', port: 25 },
    )
    const connect = (from: string) => internet.host(from).connect({ host: '2001:db8:1::25', port: 25 })
    const greeting = async (from: string) => {
      const socket = await connect(from)
      return String(await new Promise(resolve => socket.once('data', resolve)))
    }
    expect(await greeting('2001:db8:2::1')).toMatch(/^220/)
    expect(await greeting('2001:db8:2::2')).toMatch(/^220/)
    expect(await greeting('2001:db8:2::3')).toMatch(/^421/)
    expect(await greeting('2001:db8:3::1')).toMatch(/^220/)
    expect(host.told('session:opened')[0]).toMatchObject({ remoteAddress: '2001:db8:2::1' })
  })

  it('by the thousand cost little', async () => {
    const host = await startHost({ limits: { connections: 3_000, connectionsPerAddress: 3_000 } })
    const before = process.memoryUsage().heapUsed
    await Promise.all(Array.from({ length: 1_000 }, () => host.connect()))
    // Both ends live in this process.
    expect((process.memoryUsage().heapUsed - before) / 1_000).toBeLessThan(64 * 1024)
    const client = await host.hello({ from: '127.0.0.2' })
    const start = performance.now()
    await deliver(client)
    expect(performance.now() - start).toBeLessThan(1_000)
  })
})
