import { describe, expect, it } from 'vitest'
import { readAll } from '../../src/message/sources.js'
import { createMailWorld } from './mail-world.js'

const hour = 3_600_000
const letter = (to: string) => ({ from: 'alice@paris.test', to, subject: 'Hello', text: 'How are you?' })

describe('a letter that cannot be delivered', () => {
  it('is tried by the whole schedule, warned of after 4 hours, and returned after 30', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    await world.host('rome.test', { users: ['bob'], up: false })
    const start = world.clock.now()
    const attempts: number[] = []
    const dsns: { kind: string; after: number }[] = []
    paris.queue.on('attempt:started', () => attempts.push(world.clock.now() - start))
    paris.queue.on('dsn:sent', event => dsns.push({ kind: event.kind, after: world.clock.now() - start }))
    await paris.queue.send(letter('bob@rome.test'))
    await world.clock.advance('40h')

    expect(attempts[0]).toBe(0)
    for (const [index, at] of attempts.entries()) {
      if (index > 0) expect(at).toBeGreaterThan(attempts[index - 1] ?? Number.POSITIVE_INFINITY)
    }
    expect(attempts.length).toBeGreaterThan(8)
    const last = attempts.at(-1) ?? 0
    expect(last).toBeLessThanOrEqual(30 * hour)
    expect(last).toBeGreaterThan(29 * hour)
    expect(dsns.map(dsn => dsn.kind)).toEqual(['delayed', 'failed'])
    expect(dsns[0]?.after).toBeGreaterThanOrEqual(4 * hour)
    expect(dsns[0]?.after).toBeLessThan(8 * hour)
    expect(dsns[1]?.after).toBeLessThanOrEqual(30 * hour)
    expect(await paris.queue.list()).toEqual([])

    const inbox = await paris.inbox('alice')
    expect(inbox).toHaveLength(2)
    const bounce = inbox[1]
    expect(bounce?.text).toContain('bob@rome.test')
    expect(bounce?.headers.find(field => field.name === 'auto-submitted')?.value).toBe('auto-replied')
    expect(bounce?.headers[0]).toEqual({ name: 'return-path', value: '<>' })
    const mailbox = await paris.store.mailbox('alice')
    const raw = (await readAll(await mailbox.open((await mailbox.list()).at(-1) ?? 0))).toString()
    expect(raw).toMatch(/Final-Recipient: rfc822; ?bob@rome\.test\r\n/)
    expect(raw).toMatch(/Action: failed\r\n/)
    expect(raw).toMatch(/Status: [45]\.4\.\d\r\n/)
    expect(raw).toContain('Subject: Hello')
  })

  it('is returned at once when the domain takes no mail (null MX)', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    world.zone.set('quiet.test', { mx: [{ preference: 0, exchange: '' }], a: '192.0.2.200' })
    await paris.queue.send(letter('anyone@quiet.test'))
    await world.clock.settled()
    expect(await paris.queue.list()).toEqual([])
    expect(await paris.inbox('alice')).toHaveLength(1)
  })

  it('is returned at once when the domain does not exist, but waits while DNS fails', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    const rome = await world.host('rome.test', { users: ['bob'] })
    world.zone.fail('rome.test', 'servfail')
    await paris.queue.send(letter('bob@rome.test'))
    await paris.queue.send(letter('anyone@missing.test'))
    await world.clock.settled()
    const bounces = await paris.inbox('alice')
    expect(bounces).toHaveLength(1)
    expect(bounces[0]?.text).toContain('anyone@missing.test')
    expect((await paris.queue.list()).map(entry => entry.recipient.address)).toEqual(['bob@rome.test'])
    world.zone.recover('rome.test')
    await world.clock.advance('2h')
    expect(await rome.inbox('bob')).toHaveLength(1)
    expect(await paris.inbox('alice')).toHaveLength(1)
  })

  it('bounces to a sender at another host', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    const rome = await world.host('rome.test', { aliases: { 'gone@rome.test': ['bob@missing.test'] } })
    await paris.queue.send(letter('gone@rome.test'))
    await world.clock.settled()
    expect((await paris.inbox('alice'))[0]?.text).toContain('bob@missing.test')
    expect(await rome.queue.list()).toEqual([])
  })

  it('never bounces a bounce', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    const suppressed: string[] = []
    paris.queue.on('dsn:suppressed', event => suppressed.push(event.reason))
    await paris.queue.send({
      raw: 'Subject: from nobody\r\n\r\nx\r\n',
      envelope: { sender: '', recipients: ['anyone@missing.test'] },
    })
    await paris.queue.send({
      raw: 'Subject: from a ghost\r\n\r\nx\r\n',
      envelope: { sender: 'ghost@paris.test', recipients: ['anyone@missing.test'] },
    })
    await paris.queue.send({
      raw: 'Subject: from a ghost elsewhere\r\n\r\nx\r\n',
      envelope: { sender: 'ghost@missing.test', recipients: ['anyone@missing.test'] },
    })
    await world.clock.advance('40h')
    expect(await paris.queue.list()).toEqual([])
    expect(await paris.inbox('alice')).toEqual([])
    expect(suppressed).toHaveLength(3)
  })

  it('ends a loop of forwards between two hosts with one bounce', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    const rome = await world.host('rome.test', { aliases: { 'ping@rome.test': ['pong@oslo.test'] } })
    const oslo = await world.host('oslo.test', { aliases: { 'pong@oslo.test': ['ping@rome.test'] } })
    await paris.queue.send(letter('ping@rome.test'))
    await world.clock.advance('1h')
    expect(await rome.queue.list()).toEqual([])
    expect(await oslo.queue.list()).toEqual([])
    const inbox = await paris.inbox('alice')
    expect(inbox).toHaveLength(1)
    expect(inbox[0]?.text).toMatch(/hops|circle|loop/i)
  })

  it('refuses a circle of aliases on one host', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    await world.host('rome.test', {
      aliases: { 'a@rome.test': ['b@rome.test'], 'b@rome.test': ['a@rome.test'] },
    })
    await paris.queue.send(letter('a@rome.test'))
    await world.clock.advance('40h')
    expect(await paris.queue.list()).toEqual([])
    expect(await paris.inbox('alice')).not.toEqual([])
  })
})
