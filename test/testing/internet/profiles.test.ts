import { describe, expect, it } from 'vitest'
import { createTestInternet } from '../../../src/testing/internet/create-test-internet.js'
import { gmail, outlook, yahoo } from '../../../src/testing/internet/profiles.js'

const letter = (to: string) => ({ from: 'alice@paris.test', to, subject: 'Hello', text: 'How are you?' })

async function world() {
  const internet = createTestInternet()
  const paris = await internet.server('paris.test', { users: ['alice'] })
  const reasons: string[] = []
  for (const event of ['recipient:deferred', 'recipient:failed'] as const) {
    paris.queue.on(event, ({ attempt }) => reasons.push(attempt.reason))
  }
  const send = async (to: string, count = 1) => {
    for (let index = 0; index < count; index++) await paris.queue.send(letter(to))
    await internet.clock.settled()
  }
  return { internet, paris, reasons, send, [Symbol.asyncDispose]: () => internet.close() }
}

describe('profiles of providers', () => {
  it('Gmail refuses who is not authenticated, and takes who is', async () => {
    await using setup = await world()
    const provider = setup.internet.provider(gmail)
    await setup.send('bob@gmail.com')
    expect(setup.reasons).toEqual([expect.stringMatching(/^550 5\.7\.26 /)])
    setup.internet.dns.set('paris.test', { txt: 'v=spf1 mx -all' })
    await setup.send('bob@googlemail.com')
    expect(provider.messages).toHaveLength(1)
  })

  it('Gmail slows down who sends too fast, by any of its exchangers', async () => {
    await using setup = await world()
    setup.internet.dns.set('paris.test', { txt: 'v=spf1 mx -all' })
    const provider = setup.internet.provider(gmail, { limits: { 'over-rate': { count: 3, per: '10m' } } })
    await setup.send('bob@gmail.com', 5)
    expect(provider.messages).toHaveLength(3)
    expect(setup.reasons[0]).toMatch(/^421 4\.7\.28 /)
    await setup.internet.clock.advance('30h')
    expect(provider.messages).toHaveLength(5)
  })

  it('Gmail wants a reverse name, and its recipients to be there', async () => {
    await using setup = await world()
    setup.internet.dns.set('paris.test', { txt: 'v=spf1 mx -all' })
    setup.internet.provider(gmail, { users: ['bob'] })
    await setup.send('carol@gmail.com')
    setup.internet.dns.remove(setup.paris.address)
    await setup.send('bob@gmail.com')
    expect(setup.reasons).toEqual([
      expect.stringMatching(/^550 5\.1\.1 /),
      expect.stringMatching(/^421 4\.7\.23 /),
    ])
  })

  it('bulk senders need DMARC', async () => {
    for (const [profile, to, code] of [
      [gmail, 'bob@gmail.com', '421 4.7.40'],
      [outlook, 'bob@hotmail.com', '550 5.7.515'],
    ] as const) {
      await using setup = await world()
      setup.internet.dns.set('paris.test', { txt: 'v=spf1 mx -all' })
      const provider = setup.internet.provider(profile, {
        limits: { 'bulk-without-dmarc': { count: 2, per: '1d' } },
      })
      await setup.send(to, 3)
      expect(provider.messages).toHaveLength(2)
      expect(setup.reasons[0]).toContain(code)
      setup.internet.dns.set('_dmarc.paris.test', { txt: 'v=DMARC1; p=none' })
      await setup.send(to)
      expect(provider.messages.length).toBeGreaterThanOrEqual(3)
    }
  })

  it('Outlook and Yahoo slow down who sends too fast', async () => {
    for (const [profile, to, code] of [
      [outlook, 'bob@outlook.com', '451 4.7.650'],
      [yahoo, 'bob@yahoo.com', '421 4.7.0 [TSS04]'],
    ] as const) {
      await using setup = await world()
      setup.internet.dns.set('paris.test', { txt: 'v=spf1 mx -all' })
      setup.internet.provider(profile, { limits: { 'over-rate': { count: 1, per: '1h' } } })
      await setup.send(to, 2)
      expect(setup.reasons[0]).toContain(code)
      expect(setup.reasons[0]).toContain(setup.paris.address)
    }
  })

  it('Yahoo refuses unknown users and malformed headers after the message', async () => {
    await using setup = await world()
    setup.internet.dns.set('paris.test', { txt: 'v=spf1 mx -all' })
    setup.internet.provider(yahoo, { users: ['bob'] })
    await setup.send('carol@yahoo.com')
    await setup.paris.queue.send({
      raw: 'Subject: no From\r\n\r\nx\r\n',
      envelope: { sender: 'alice@paris.test', recipients: ['bob@aol.com'] },
    })
    await setup.internet.clock.settled()
    expect(setup.reasons).toEqual([
      expect.stringContaining('554 delivery error'),
      expect.stringContaining('Headers are not RFC compliant'),
    ])
  })

  it('say where they have it from', () => {
    for (const profile of [gmail, outlook, yahoo]) {
      expect(profile.sources.length).toBeGreaterThan(0)
      for (const source of profile.sources) expect(source).toMatch(/^https:\/\//)
    }
  })
})
