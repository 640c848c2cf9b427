import { describe, expect, it, vi } from 'vitest'
import { bytesSource, readAll } from '../../src/message/sources.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { createQueueWorld, deferred, delivered, failed, hour, minute, unknown } from './queue-world.js'

/** The default schedule without jitter, in minutes. */
const wholeSchedule = [
  0, 15, 37.5, 71.25, 121.875, 197.8125, 311.71875, 431.71875, 551.71875, 671.71875, 791.71875, 911.71875,
  1031.71875, 1151.71875, 1271.71875, 1391.71875, 1511.71875, 1631.71875, 1751.71875, 1795,
]

describe('the life of an entry', () => {
  it('is delivered at once and leaves', async () => {
    await using world = await createQueueWorld()
    const sent = await world.send('bob@rome.test')
    await world.clock.settled()
    expect(world.events('message:queued')).toEqual([
      {
        traceId: sent.traceId,
        sender: 'alice@paris.test',
        entries: sent.entries,
        recipients: ['bob@rome.test'],
      },
    ])
    expect(world.events('attempt:started')).toEqual([
      { traceId: sent.traceId, destination: 'rome.test', entries: sent.entries, attempt: 1 },
    ])
    expect(world.events('recipient:delivered')).toMatchObject([
      { traceId: sent.traceId, recipient: 'bob@rome.test', attempts: 1, attempt: { reason: 'taken' } },
    ])
    expect(await world.queue.list()).toEqual([])
    const [delivery] = world.transport.deliveries
    expect(delivery?.envelope).toEqual({ sender: 'alice@paris.test' })
    expect(delivery && (await readAll(delivery.message)).toString()).toContain('How are you?')
  })

  it('is not looked for before it is due', async () => {
    const storage = memoryStorage()
    const leasing = vi.spyOn(storage.queue, 'lease')
    await using world = await createQueueWorld(() => deferred, { storage })
    await world.send('bob@rome.test')
    await world.clock.advance('14m')
    expect(world.times('recipient:deferred')).toEqual([0])
    const looks = leasing.mock.calls.map(([{ now }]) => now - world.start)
    expect(looks.filter(at => at === 0).length).toBeLessThanOrEqual(4)
    // When its lease would have run out.
    expect(looks.filter(at => at > 0)).toEqual([5 * minute])
    await world.clock.advance('1m')
    expect(world.times('recipient:deferred')).toEqual([0, 15 * minute])
  })

  it('is looked for when it came, whatever its storage tells of changes', async () => {
    const storage = memoryStorage()
    vi.spyOn(storage, 'subscribe').mockReturnValue(() => {})
    await using world = await createQueueWorld(undefined, { storage })
    await world.clock.settled()
    await world.send('bob@rome.test')
    await world.clock.settled()
    expect(world.times('recipient:delivered')).toEqual([0])
  })

  it('is tried when it is due though storage could not tell when that is', async () => {
    const storage = memoryStorage()
    const asking = vi.spyOn(storage.queue, 'nextDue')
    let answer = () => {}
    const answered = new Promise<void>(resolve => {
      answer = resolve
    })
    await using world = await createQueueWorld(
      async recipient => {
        if (recipient === 'cem@oslo.test') await answered
        return deferred
      },
      { storage },
    )
    await world.send('bob@rome.test')
    await world.clock.advance('6m')
    const toldOf = new Promise(resolve => world.queue.once('recipient:deferred', resolve))
    // Fails when another attempt has just ended, which has the queue look again at once.
    asking.mockImplementationOnce(async () => {
      answer()
      await toldOf
      await new Promise(setImmediate)
      throw new Error('the disk is away')
    })
    await world.send('cem@oslo.test')
    await world.clock.advance('9m')
    expect(world.events('queue:error')).toMatchObject([{ during: 'looking for due entries' }])
    expect(world.times('recipient:deferred')).toEqual([0, 6 * minute, 15 * minute])
  })

  it('is not looked for while the queue is paused', async () => {
    const storage = memoryStorage()
    const asking = vi.spyOn(storage.queue, 'nextDue')
    await using world = await createQueueWorld(undefined, { storage })
    world.queue.pause()
    await world.send('bob@rome.test')
    await world.clock.settled()
    asking.mockClear()
    await world.clock.advance('1h')
    expect(asking).not.toHaveBeenCalled()
    world.queue.resume()
    await world.clock.settled()
    expect(world.times('recipient:delivered')).toEqual([hour])
  })

  it('is tried by the whole schedule, warned of once, and returned just before 30 hours', async () => {
    await using world = await createQueueWorld(recipient =>
      recipient === 'bob@rome.test' ? deferred : delivered,
    )
    await world.send('bob@rome.test')
    await world.clock.advance('40h')
    const toRome = world.log.filter(
      record => record.event === 'attempt:started' && record.payload.destination === 'rome.test',
    )
    expect(toRome.map(record => record.at / minute)).toEqual(wholeSchedule)
    const dsns = world.log.filter(record => record.event === 'dsn:sent')
    expect(dsns.map(record => [record.payload.kind, record.at / minute])).toEqual([
      ['delayed', 311.71875],
      ['failed', 1795],
    ])
    expect(world.events('recipient:failed')).toMatchObject([
      { expired: true, attempts: wholeSchedule.length },
    ])
    expect(await world.queue.list()).toEqual([])
    // The DSNs went to the sender as mail of the null sender.
    const toSender = world.transport.deliveries.filter(delivery => delivery.destination === 'paris.test')
    expect(toSender.map(delivery => delivery.envelope.sender)).toEqual(['', ''])
    const bounce = toSender[1] && (await readAll(toSender[1].message)).toString()
    expect(bounce).toMatch(/^Auto-Submitted: auto-replied\r$/m)
    expect(bounce).toMatch(/^Final-Recipient: rfc822; ?bob@rome\.test\r$/m)
    expect(bounce).toMatch(/^Action: failed\r$/m)
    expect(bounce).toContain('Subject: Hello')
  })

  it('has a fate of its own for each recipient, and one DSN for those that fail together', async () => {
    const fates = new Map([
      ['a@rome.test', delivered],
      ['b@rome.test', failed],
      ['c@rome.test', failed],
      ['d@rome.test', deferred],
      ['e@rome.test', unknown],
    ])
    await using world = await createQueueWorld(recipient => fates.get(recipient) ?? delivered)
    await world.send([...fates.keys(), 'f@oslo.test'])
    await world.clock.settled()
    const [rome] = world.transport.deliveries
    expect(rome?.recipients.map(recipient => recipient.address)).toEqual([...fates.keys()])
    expect(world.events('dsn:sent')).toMatchObject([
      { kind: 'failed', to: 'alice@paris.test', recipients: ['b@rome.test', 'c@rome.test'] },
    ])
    expect(world.events('recipient:unknown')).toMatchObject([{ recipient: 'e@rome.test' }])
    const left = await world.queue.list()
    expect(left.map(entry => [entry.recipient.address, entry.state, entry.dueAt - entry.queuedAt])).toEqual([
      ['d@rome.test', 'waiting', 15 * minute],
      ['e@rome.test', 'waiting', 15 * minute],
    ])
    expect(left[1]?.history).toMatchObject([{ status: 'unknown' }])
    await world.clock.advance('15m')
    expect(world.transport.deliveries.at(-1)?.recipients.map(recipient => recipient.address)).toEqual([
      'd@rome.test',
      'e@rome.test',
    ])
    expect(world.transport.deliveries.at(-1)?.attempt).toBe(2)
  })

  it('defers recipients that the transport leaves out, and all of them when it throws', async () => {
    let thrown = false
    await using world = await createQueueWorld(recipient => {
      if (recipient === 'b@rome.test' && !thrown) {
        thrown = true
        throw new Error('out of\r\nsockets')
      }
      return recipient === 'a@rome.test' ? delivered : undefined
    })
    await world.send(['a@rome.test', 'b@rome.test'])
    await world.clock.settled()
    expect(world.events('recipient:deferred').map(event => event.attempt)).toMatchObject([
      { scope: 'local', reason: 'the delivery failed here: out of\\x0d\\x0asockets' },
      { scope: 'local' },
    ])
    await world.clock.advance('15m')
    expect(world.events('recipient:delivered')).toMatchObject([{ recipient: 'a@rome.test' }])
    expect((await world.queue.list()).map(entry => entry.recipient.address)).toEqual(['b@rome.test'])
  })

  it('tells no null sender and nobody who asked not to be told', async () => {
    await using world = await createQueueWorld(() => failed)
    await world.send('a@rome.test', '')
    await world.queue.send({
      raw: 'Subject: x\r\n\r\n',
      envelope: { sender: 'alice@paris.test', recipients: [{ address: 'b@rome.test', notify: ['never'] }] },
    })
    await world.queue.send({
      raw: 'Subject: x\r\n\r\n',
      envelope: {
        sender: 'alice@paris.test',
        recipients: [{ address: 'c@rome.test', notify: ['delay', 'success'] }],
      },
    })
    await world.clock.advance('40h')
    expect(world.events('recipient:failed')).toHaveLength(3)
    expect(world.events('dsn:sent')).toEqual([])
    expect(world.events('dsn:suppressed')).toMatchObject([{ recipients: ['a@rome.test'] }])
    expect(await world.queue.list()).toEqual([])
  })

  it('never bounces a bounce', async () => {
    await using world = await createQueueWorld(() => failed)
    await world.send('bob@rome.test')
    await world.clock.advance('40h')
    expect(world.events('dsn:sent')).toHaveLength(1)
    expect(world.events('dsn:suppressed')).toMatchObject([{ recipients: ['alice@paris.test'] }])
    expect(await world.queue.list()).toEqual([])
  })

  it('tells of success when the next server does not, and was asked to', async () => {
    await using world = await createQueueWorld((_, delivery) => ({
      ...delivered,
      dsnPassedOn: delivery.destination === 'oslo.test',
    }))
    const notify = ['success' as const]
    await world.queue.send({
      raw: 'Subject: x\r\n\r\n',
      envelope: {
        sender: 'alice@paris.test',
        recipients: [
          { address: 'a@rome.test', notify },
          { address: 'b@oslo.test', notify },
          { address: 'c@rome.test' },
        ],
      },
    })
    await world.clock.settled()
    expect(world.events('dsn:sent')).toMatchObject([{ kind: 'relayed', recipients: ['a@rome.test'] }])
  })

  it('tells of success as delivered where it is the final delivery, as relayed elsewhere (RFC 3464 §2.3.3)', async () => {
    await using world = await createQueueWorld(recipient => ({
      ...delivered,
      ...(recipient.startsWith('a@') && { final: true }),
    }))
    const notify = ['success' as const]
    const recipients = ['a@rome.test', 'b@rome.test'].map(address => ({ address, notify }))
    await world.queue.send({
      raw: 'Subject: x\r\n\r\n',
      envelope: { sender: 'alice@paris.test', recipients },
    })
    await world.clock.settled()
    expect(world.events('dsn:sent').map(({ kind, recipients: of }) => [kind, of])).toEqual([
      ['delivered', ['a@rome.test']],
      ['relayed', ['b@rome.test']],
    ])
  })

  it('goes on soon after the clock of the machine was set forward', async () => {
    await using world = await createQueueWorld(() =>
      world.transport.deliveries.length > 1 ? delivered : deferred,
    )
    await world.send('bob@rome.test')
    await world.clock.settled()
    await world.clock.advance('1m')
    world.clock.jump(10 * hour)
    await world.clock.advance('10m')
    expect(world.events('recipient:delivered')).toHaveLength(1)
  })

  it('begins at once when another part of the host stored it', async () => {
    await using world = await createQueueWorld()
    await world.storage.accept({
      id: 'elsewhere',
      message: bytesSource('Subject: x\r\n\r\n'),
      receivedAt: world.clock.now(),
      copies: [],
      queued: {
        traceId: 'elsewhere',
        envelope: { sender: 'alice@paris.test' },
        recipients: [{ address: 'bob@rome.test', destination: 'rome.test', dueAt: world.clock.now() + hour }],
      },
    })
    await world.clock.advance('59m')
    expect(world.transport.deliveries).toEqual([])
    await world.clock.advance('1m')
    expect(world.times('recipient:delivered')).toEqual([hour])
  })
})
