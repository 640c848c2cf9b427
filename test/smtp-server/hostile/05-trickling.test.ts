import { describe, expect, it } from 'vitest'
import { createVirtualClock, type VirtualClock } from '../../../src/core/virtual-clock.js'
import type { Conversation } from '../conversation.js'
import { Conversation as Plain } from '../conversation.js'
import { startHost } from '../mail-host.js'

/** Lets minutes pass, a byte in each, and waits until the server has taken it. */
async function trickle(
  clock: VirtualClock,
  client: Conversation,
  bytes: string,
  every: number,
): Promise<void> {
  for (const byte of bytes) {
    if (client.pending !== '' || client.socket.destroyed) return
    client.write(byte)
    await clock.advance(every)
  }
}

describe('a byte at a time', () => {
  it('does not keep a command alive', async () => {
    const clock = createVirtualClock()
    const host = await startHost({ clock })
    const client = await host.hello()
    await trickle(clock, client, 'MAIL FROM:<', 60_000)
    expect(await client.closed()).toMatch(/^421 4\.4\.2/)
    expect(host.told('session:closed')[0]).toMatchObject({ reason: 'timeout' })
  })

  it('does not keep AUTH alive', async () => {
    const clock = createVirtualClock()
    const host = await startHost({ clock, allowInsecureAuth: true })
    const client = await host.hello()
    await client.ask('AUTH LOGIN', '334')
    await trickle(clock, client, 'YWxpY2U=', 20_000)
    expect(await client.closed()).toMatch(/^421 4\.4\.2/)
  })

  it('does not keep DATA alive', async () => {
    const clock = createVirtualClock()
    const host = await startHost({ clock })
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<alice@example.test>', '250')
    await client.ask('DATA', '354')
    await trickle(clock, client, 'Subject: slow', 10_000)
    expect(await client.closed()).toMatch(/^421 4\.4\.2 Data comes too slowly/)
    expect(await host.inbox('alice')).toHaveLength(0)
  })

  it('lets DATA come that is fast enough, until its absolute deadline', async () => {
    const clock = createVirtualClock()
    const host = await startHost({ clock, timeouts: { data: '7m' } })
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<alice@example.test>', '250')
    await client.ask('DATA', '354')
    await trickle(clock, client, 'abcdef'.repeat(10), 1)
    for (let minute = 1; minute < 7; minute++) {
      client.write(`${'x'.repeat(7_000)}\r\n`)
      await clock.advance('1m')
      expect(client.pending).toBe('')
    }
    await clock.advance('1m')
    expect(await client.closed()).toMatch(/^421 4\.4\.2 Timeout/)
  })

  it('does not keep a PROXY header alive', async () => {
    const clock = createVirtualClock()
    const host = await startHost({ clock, proxyProtocol: ['127.0.0.1'] })
    const client = await Plain.open(host.port)
    await trickle(clock, client, 'PROXY TCP4', 4_000)
    expect(await client.closed()).toBe('')
  })

  it('ends a session and a transaction at their own deadlines, however busy they are', async () => {
    const clock = createVirtualClock()
    const host = await startHost({ clock, timeouts: { session: '1h', transaction: '10m' } })
    const client = await host.hello()
    for (let minute = 0; minute < 59; minute += 4) {
      await client.ask('NOOP', '250')
      await clock.advance('4m')
    }
    expect(await client.closed()).toMatch(/^421 4\.4\.2/)
    const other = await host.hello()
    await other.ask('MAIL FROM:<a@b.test>', '250')
    await clock.advance('4m')
    await other.ask('NOOP', '250')
    await clock.advance('4m')
    await other.ask('NOOP', '250')
    await clock.advance('2m')
    expect(await other.closed()).toMatch(/^421 4\.4\.2/)
  })
})
