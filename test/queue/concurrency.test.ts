import { describe, expect, it } from 'vitest'
import type { Transport } from '../../src/delivery/transport.js'
import { createQueueWorld, deferred, delivered } from './queue-world.js'

/** Counts what is under way, in total and for each destination. */
function countingTransport(turn: () => Promise<void>) {
  const now = new Map<string, number>()
  const most = { total: 0, destination: 0, recipients: 0 }
  let total = 0
  const deliver: Transport['deliver'] = async ({ destination, recipients }) => {
    const here = (now.get(destination) ?? 0) + 1
    now.set(destination, here)
    total++
    most.total = Math.max(most.total, total)
    most.destination = Math.max(most.destination, here)
    most.recipients = Math.max(most.recipients, recipients.length)
    await turn()
    total--
    now.set(destination, (now.get(destination) ?? 1) - 1)
    return recipients.map(({ address }) => ({
      scope: 'recipient',
      reason: 'taken',
      ...delivered,
      recipient: address,
    }))
  }
  return { deliver, most }
}

const nextTurn = () => new Promise<void>(resolve => setImmediate(resolve))

describe('concurrency', () => {
  it('stays within its limits over 10,000 entries, and empties the queue', async () => {
    const { deliver, most } = countingTransport(nextTurn)
    await using world = await createQueueWorld(undefined, { concurrency: { total: 40, perSite: 3 } })
    world.transport.deliver = deliver
    world.queue.pause()
    for (let message = 0; message < 100; message++) {
      const recipients = Array.from(
        { length: 100 },
        (_, index) => `user${index}@host${(message + index) % 10}.test`,
      )
      await world.send(recipients)
    }
    expect(await world.queue.counts()).toMatchObject({ waiting: 10_000 })
    world.queue.resume()
    await world.queue.idle()
    expect(await world.queue.counts()).toEqual({ waiting: 0, leased: 0, held: 0, dead: 0 })
    expect(world.events('recipient:delivered')).toHaveLength(10_000)
    expect(most.total).toBe(30)
    expect(most.destination).toBe(3)
  })

  it('serves other destinations while one takes its time', async () => {
    await using world = await createQueueWorld(
      recipient => (recipient.endsWith('slow.test') ? new Promise(() => {}) : delivered),
      { concurrency: { total: 10, perSite: 2 } },
    )
    for (let message = 0; message < 30; message++) await world.send(`user${message}@slow.test`)
    await world.send('bob@rome.test')
    await world.clock.settled()
    expect(world.events('recipient:delivered')).toMatchObject([{ recipient: 'bob@rome.test' }])
    expect(world.transport.deliveries.filter(({ destination }) => destination === 'slow.test')).toHaveLength(
      2,
    )
  })

  it('counts those under way when several more are due at once', async () => {
    await using world = await createQueueWorld(() => new Promise(() => {}), {
      concurrency: { perSite: 2 },
    })
    await world.send('user0@rome.test')
    await world.clock.settled()
    world.queue.pause()
    for (let message = 1; message < 6; message++) await world.send(`user${message}@rome.test`)
    world.queue.resume()
    await world.clock.settled()
    expect(world.transport.deliveries).toHaveLength(2)
  })

  it('sends no more than 100 recipients in one transaction', async () => {
    const { deliver, most } = countingTransport(nextTurn)
    await using world = await createQueueWorld()
    world.transport.deliver = deliver
    await world.send(Array.from({ length: 250 }, (_, index) => `user${index}@rome.test`))
    await world.queue.idle()
    expect(most.recipients).toBe(100)
    expect(world.events('recipient:delivered')).toHaveLength(250)
  })

  it('delivers with its own envelope each message that shares a trace id', async () => {
    await using world = await createQueueWorld()
    const message = { blob: (await world.storage.blobs.write(bytes())).id }
    world.queue.pause()
    for (const sender of ['alice@paris.test', 'carol@paris.test']) {
      await world.queue.accept({
        id: sender.replace('@', '.'),
        message,
        receivedAt: world.clock.now(),
        copies: [],
        queued: {
          traceId: 'same',
          envelope: { sender },
          recipients: [
            { address: `to-${sender[0]}@rome.test`, destination: 'rome.test', dueAt: world.clock.now() },
          ],
        },
      })
    }
    world.queue.resume()
    await world.clock.settled()
    expect(world.transport.deliveries.map(delivery => delivery.envelope.sender).sort()).toEqual([
      'alice@paris.test',
      'carol@paris.test',
    ])
  })

  it('gives each of two entries for one address its own transaction', async () => {
    await using world = await createQueueWorld(() =>
      world.transport.deliveries.length > 1 ? deferred : delivered,
    )
    const entry = { address: 'bob@rome.test', destination: 'rome.test', dueAt: world.clock.now() }
    await world.queue.accept({
      id: 'twice',
      message: { blob: (await world.storage.blobs.write(bytes())).id },
      receivedAt: world.clock.now(),
      copies: [],
      queued: { traceId: 'twice', envelope: { sender: '' }, recipients: [entry, entry] },
    })
    await world.clock.settled()
    expect(world.transport.deliveries.map(delivery => delivery.recipients.length)).toEqual([1, 1])
    expect(await world.queue.counts()).toMatchObject({ waiting: 1 })
  })
})

async function* bytes() {
  yield Buffer.from('Subject: x\r\n\r\n')
}
