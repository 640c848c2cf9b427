import { describe, expect, it, vi } from 'vitest'
import type { Policy } from '../../../src/policy/policy.js'
import { startHost } from '../mail-host.js'

const manyCommands = { commands: 1_000_000, errors: 1_000_000, recipients: 100 }

describe('100,000 pipelined commands in one write', () => {
  it.each([
    'NOOP',
    'RSET',
    'VRFY x',
    'HELO x',
    'EHLO x',
    'MAIL FROM:<a@b.test>',
    'DATA',
    'BOGUS',
    '',
    'AUTH',
  ])('%j is answered each time, and others are served meanwhile', async command => {
    const host = await startHost({ limits: manyCommands })
    const client = await host.hello()
    let replies = 0
    client.socket.on('data', data => {
      for (const line of String(data).split('\r\n')) if (/^\d{3} /.test(line)) replies++
    })
    client.write(`${command}\r\n`.repeat(100_000))
    client.write('QUIT\r\n')
    const other = await host.connect()
    const start = performance.now()
    await other.ask('NOOP', '250')
    expect(performance.now() - start).toBeLessThan(1_000)
    await client.closed()
    expect(replies).toBeGreaterThanOrEqual(99_990)
  })

  it('waits for handlers that answer later, one after another', async () => {
    let running = 0
    let most = 0
    const slow: Policy = {
      name: 'slow',
      hello: async () => {
        most = Math.max(most, ++running)
        await new Promise(resolve => setImmediate(resolve))
        running--
        return undefined
      },
    }
    const host = await startHost({ limits: manyCommands, policies: [slow] })
    const client = await host.hello()
    client.write(`HELO x\r\n`.repeat(20_000))
    client.write('QUIT\r\n')
    await client.closed()
    expect(most).toBe(1)
  })

  it('ends a session that never comes to a message', async () => {
    const host = await startHost()
    const client = await host.hello()
    client.write('NOOP\r\n'.repeat(100_000))
    expect(await client.closed()).toMatch(/421 4\.7\.0 Too many commands[^\n]*\r\n$/)
    await vi.waitFor(() => expect(host.told('session:closed')[0]).toMatchObject({ reason: 'limit' }))
  })

  it('ends a session after too many refused commands', async () => {
    const host = await startHost()
    const client = await host.hello()
    client.write('BOGUS\r\n'.repeat(100))
    const said = await client.closed()
    expect(said.match(/^500 /gm)).toHaveLength(20)
    expect(said).toMatch(/421 4\.7\.0 Too many errors\r\n$/)
  })

  it('does not pile up replies for a client that never reads', async () => {
    const host = await startHost({ limits: manyCommands })
    const client = await host.hello()
    client.socket.pause()
    const flood = Buffer.from('HELP\r\n'.repeat(100_000))
    const before = process.memoryUsage().rss
    let sent = 0
    while (client.socket.write(flood) && sent < 20) sent++
    const other = await host.connect()
    for (let round = 0; round < 500; round++) await other.ask('NOOP', '250')
    // Each flood would make 12 MB of replies.
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024)
    client.destroy()
  })
})
