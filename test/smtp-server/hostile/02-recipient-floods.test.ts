import { describe, expect, it } from 'vitest'
import { startHost } from '../mail-host.js'

describe('100,000 RCPT', () => {
  it('takes as many as the limit, and costs the same for each', async () => {
    const host = await startHost({ limits: { recipients: 100_000, commands: 1_000_000 } })
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test>', '250')
    let replies = 0
    let wake = () => {}
    client.socket.on('data', data => {
      replies += String(data).split('\n').length - 1
      wake()
    })
    const round = async (from: number) => {
      const start = performance.now()
      const target = replies + 10_000
      let lines = ''
      for (let index = from; index < from + 10_000; index++)
        lines += `RCPT TO:<alice+${index}@example.test>\r\n`
      client.write(lines)
      while (replies < target) await new Promise<void>(resolve => (wake = resolve))
      return performance.now() - start
    }
    const times: number[] = []
    for (let from = 0; from < 100_000; from += 10_000) times.push(await round(from))
    const early = Math.min(...times.slice(1, 4))
    const late = Math.min(...times.slice(7))
    expect(late).toBeLessThan(early * 4 + 50)
    client.destroy()
  })

  it('stores one copy for duplicates that differ in case', async () => {
    const host = await startHost()
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test>', '250')
    client.write(
      'RCPT TO:<alice@example.test>\r\nRCPT TO:<ALICE@example.test>\r\nRCPT TO:<Alice@Example.TEST>\r\n'.repeat(
        1_000,
      ),
    )
    for (let index = 0; index < 3_000; index++) await client.expect('250 2.1.5')
    await client.ask('DATA', '354')
    client.write('\r\n.\r\n')
    await client.expect('250')
    expect(await host.inbox('alice')).toHaveLength(1)
    expect(host.told('message:accepted')[0]).toMatchObject({
      envelope: { recipients: [{ address: 'alice@example.test' }] },
    })
  })
})
