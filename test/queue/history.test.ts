import { describe, expect, it } from 'vitest'
import type { DeliveryQueueOptions } from '../../src/queue/options.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { largestRecord } from '../../src/storage/record-storage.js'
import { faultyStorage } from './faulty-storage.js'
import { type Answer, createQueueWorld, deferred, delivered, failed, type Script } from './queue-world.js'

const worldWithHistory = (script: Script, options: Partial<DeliveryQueueOptions> = {}) =>
  createQueueWorld(script, { history: { keep: '7d' }, ...options })

describe('the history of a queue', () => {
  it('has recipients that left it, with every attempt and how it ended', async () => {
    let attempts = 0
    const script: Script = recipient => {
      if (recipient === 'bob@rome.test') return ++attempts < 3 ? deferred : delivered
      if (recipient === 'carol@rome.test') return failed
      return recipient === 'dora@oslo.test' ? deferred : delivered
    }
    await using world = await worldWithHistory(script)
    const { traceId } = await world.send([
      'bob@rome.test',
      'carol@rome.test',
      'dora@oslo.test',
      'emil@oslo.test',
    ])
    expect(await world.queue.history({ recipient: 'bob@rome.test' })).toEqual([])
    await world.clock.advance('40h')
    const [bob, carol, dora, emil, ...others] = await world.queue.history({ traceId })
    expect(others).toEqual([])
    expect(bob).toMatchObject({
      traceId,
      envelope: { sender: 'alice@paris.test' },
      recipient: { address: 'bob@rome.test' },
      destination: 'rome.test',
      attempts: 3,
      history: [{ status: 'deferred' }, { status: 'deferred' }, { status: 'delivered' }],
      end: 'delivered',
    })
    expect(bob?.endedAt).toBe(bob?.history.at(-1)?.endedAt)
    expect(carol).toMatchObject({ end: 'bounced', history: [{ status: 'failed' }] })
    expect(carol).not.toHaveProperty('expired')
    expect(dora).toMatchObject({ end: 'bounced', expired: true, attempts: dora?.history.length })
    expect(emil?.end).toBe('delivered')
    expect(bob?.id).toBe(
      world.events('recipient:delivered').find(event => event.recipient === 'bob@rome.test')?.entry,
    )
  })

  it('has what the operator dropped, and nothing of what he could not drop', async () => {
    await using world = await worldWithHistory(() => deferred)
    const { entries } = await world.send(['bob@rome.test', 'carol@rome.test'])
    await world.queue.idle()
    await world.queue.drop([entries[0] ?? '', 'none'])
    expect(await world.queue.history()).toMatchObject([
      { id: entries[0], end: 'dropped', endedAt: world.clock.now(), history: [{ status: 'deferred' }] },
    ])
  })

  it('is looked up by trace and recipient, in pages, by as many reads as it has answers', async () => {
    const storage = memoryStorage()
    await using world = await worldWithHistory(() => delivered, { storage })
    const traces: string[] = []
    for (let index = 0; index < 30; index++) {
      const { traceId } = await world.send([`user${index % 3}@rome.test`, 'bob@rome.test'], '')
      traces.push(traceId)
    }
    await world.queue.idle()
    let reads = 0
    const { list, get } = storage.records
    Object.assign(storage.records, {
      list: async (...query: Parameters<typeof list>) => {
        const page = await list.apply(storage.records, query)
        reads += page.length
        return page
      },
      get: (...key: Parameters<typeof get>) => {
        reads++
        return get.apply(storage.records, key)
      },
    })
    expect(await world.queue.history({ traceId: traces[7] ?? '' })).toHaveLength(2)
    expect(reads).toBe(4)
    const both = { traceId: traces[7] ?? '', recipient: 'user1@rome.test' }
    expect(await world.queue.history(both)).toMatchObject([{ recipient: { address: 'user1@rome.test' } }])
    expect(await world.queue.history({ recipient: 'user9@rome.test' })).toEqual([])
    const all = await world.queue.history({ recipient: 'user1@rome.test' })
    expect(all).toHaveLength(10)
    const first = await world.queue.history({ recipient: 'user1@rome.test', limit: 4 })
    const rest = await world.queue.history({ recipient: 'user1@rome.test', after: first.at(-1)?.id ?? '' })
    expect([...first, ...rest]).toEqual(all)
    expect(await world.queue.history()).toHaveLength(60)
    expect(await world.queue.history({ limit: 0 })).toEqual([])
  })

  it('is written by the commit that settles, and not by one that is lost', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    const written: unknown[] = []
    faults.settle = (real, settlement) => {
      written.push(settlement.records?.map(({ space }) => space))
      return real(settlement)
    }
    await using world = await worldWithHistory(() => delivered, { storage })
    await world.send('bob@rome.test')
    await world.queue.idle()
    expect(written).toEqual([['ended', 'ended-by-trace', 'ended-by-recipient']])
  })

  it('ends after the time it is kept for, and is not there without the option', async () => {
    await using world = await worldWithHistory(() => delivered)
    await world.send('bob@rome.test')
    await world.clock.advance('167h')
    expect(await world.queue.history()).toHaveLength(1)
    await world.clock.advance('2h')
    expect(await world.queue.history()).toEqual([])
    await using plain = await createQueueWorld(() => delivered)
    await plain.send('bob@rome.test')
    await plain.queue.idle()
    expect(await plain.queue.history()).toEqual([])
    expect(await plain.storage.records.list('ended')).toEqual([])
  })

  it('does without its first attempts where servers said more than a record holds', async () => {
    let attempts = 0
    const long: Answer = { ...deferred, scope: 'recipient', reply: { code: 451, text: ['y'.repeat(20_000)] } }
    await using world = await worldWithHistory(() => (++attempts < 40 ? long : delivered), {
      retry: ({ now }) => ({ retryAt: now + 60_000 }),
    })
    await world.send('bob@rome.test')
    await world.clock.advance('2h')
    const [ended] = await world.queue.history()
    expect(ended).toMatchObject({ attempts: 40, end: 'delivered' })
    expect(ended?.history.length).toBeGreaterThanOrEqual(5)
    const [record] = await world.storage.records.list('ended')
    expect(record?.value.length).toBeLessThanOrEqual(largestRecord)
    expect(ended?.history.at(-1)?.status).toBe('delivered')
  })
})
