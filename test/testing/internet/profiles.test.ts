import { describe, expect, it } from 'vitest'
import { createTestInternet } from '../../../src/testing/internet/create-test-internet.js'
import { gmail, outlook, yahoo } from '../../../src/testing/internet/profiles.js'
import type { ServerOptions } from '../../../src/testing/internet/test-internet.js'

const letter = (to: string) => ({ from: 'alice@paris.test', to, subject: 'Hello', text: 'How are you?' })

async function world(server: ServerOptions['server'] = {}) {
  const internet = createTestInternet()
  const paris = await internet.server('paris.test', { users: ['alice'], server })
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

  it('Gmail refuses malformed headers, and bulk without DKIM', async () => {
    await using setup = await world()
    const { dns } = setup.internet
    dns.set('paris.test', { txt: 'v=spf1 mx -all' })
    dns.set('_dmarc.paris.test', { txt: 'v=DMARC1; p=none' })
    const limits = { 'bulk-without-dkim': { count: 2, per: '1d' } } as const
    const provider = setup.internet.provider(gmail, { limits })
    const envelope = { sender: 'alice@paris.test', recipients: ['bob@gmail.com'] }
    await setup.paris.queue.send({ raw: 'From: alice@paris.test\r\n\r\nx\r\n', envelope })
    await setup.internet.clock.settled()
    expect(setup.reasons).toEqual([expect.stringMatching(/^550 5\.7\.1 .*RFC 5322/)])
    await setup.send('bob@gmail.com', 3)
    expect(provider.messages).toHaveLength(2)
    expect(setup.reasons[1]).toMatch(/^421 4\.7\.30 /)
    dns.set('s1._domainkey.paris.test', { txt: 'v=DKIM1; p=AA' })
    const headers = { 'DKIM-Signature': 'v=1; a=rsa-sha256; d=paris.test; s=s1; h=From; bh=AA; b=AA' }
    await setup.paris.queue.send({ ...letter('bob@gmail.com'), headers })
    await setup.internet.clock.settled()
    expect(provider.messages).toHaveLength(3)
  })

  it('Outlook wants few connections, and its recipients to be there', async () => {
    await using setup = await world({ queue: { delivery: { connections: { idle: 0 } } } })
    const limits = { 'too-many-connections': { count: 1, per: '1m' } } as const
    const provider = setup.internet.provider(outlook, { users: ['bob'], limits })
    await setup.send('carol@outlook.com')
    await setup.send('bob@outlook.com')
    expect(setup.reasons).toEqual([
      expect.stringMatching(/^550 5\.5\.0 /),
      expect.stringContaining(`421 RP-002 (OLC) Too many connections from ${setup.paris.address}`),
    ])
    await setup.internet.clock.advance('1h')
    expect(provider.messages).toMatchObject([{ recipients: ['bob@outlook.com'] }])
  })

  it('Yahoo refuses who is not authenticated', async () => {
    await using setup = await world()
    const provider = setup.internet.provider(yahoo)
    await setup.send('bob@yahoo.com')
    expect(setup.reasons).toEqual([expect.stringMatching(/^554 5\.7\.9 /)])
    expect(provider.messages).toEqual([])
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
