import { describe, expect, it } from 'vitest'
import { createSimulatedNetwork } from '../../../src/core/simulated-network.js'
import { type Dialogue, dialSilently, pop3, Dialogue as Talk } from '../dialogue.js'

describe('many connections', () => {
  it('in total are refused beyond the limit, and those within it are served', async () => {
    const { connect, listener, next } = await pop3({ maxConnections: 500, maxConnectionsPerAddress: 1_000 })
    const idle: Dialogue[] = []
    for (let count = 0; count < 500; count++) idle.push(await connect())
    const refused = next('session:refused')
    const late = await dialSilently(listener)
    expect(await late.line()).toMatch(/^-ERR \[SYS\/TEMP\]/)
    await late.end()
    expect(await refused).toMatchObject({ limit: 'total', remoteAddress: '127.0.0.1' })
    expect(await idle[250]?.login()).toMatch(/^\+OK/)

    const closed = next('session:closed')
    idle[0]?.socket.destroy()
    await closed
    expect(await (await connect()).ask('CAPA')).toMatch(/^\+OK/)
  })

  it('of one address are refused beyond its limit, of one IPv6 network too', async () => {
    const internet = createSimulatedNetwork()
    const network = internet.host('192.0.2.25', '2001:db8::25')
    const { listener } = await pop3({
      network,
      maxConnectionsPerAddress: 2,
      listen: { port: 110, host: '::' },
    })
    const greet = async (from: string, to: string) => {
      const socket = await internet.host(from).connect({ host: to, port: listener.port })
      return new Talk(socket).line()
    }
    for (const [from, expected] of [
      ['192.0.2.1', '+OK'],
      ['192.0.2.1', '+OK'],
      ['192.0.2.1', '-ERR'],
      ['192.0.2.2', '+OK'],
      ['2001:db8:0:1::1', '+OK'],
      ['2001:db8:0:1::2', '+OK'],
      ['2001:db8:0:1:ffff::3', '-ERR'],
      ['2001:db8:0:2::1', '+OK'],
    ] as const) {
      const to = from.includes(':') ? '2001:db8::25' : '192.0.2.25'
      expect([from, (await greet(from, to)).split(' ')[0]]).toEqual([from, expected])
    }
  })
})
