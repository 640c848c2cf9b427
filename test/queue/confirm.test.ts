import { describe, expect, it } from 'vitest'
import { createAccounts } from '../../src/accounts/static/create-accounts.js'
import { bytesSource } from '../../src/message/sources.js'
import type { DeliveryQueueOptions } from '../../src/queue/options.js'
import { createRouter } from '../../src/routing/create-router.js'
import { planBatch } from '../../src/routing/plan-batch.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { faultyStorage } from './faulty-storage.js'
import { createQueueWorld } from './queue-world.js'

const router = createRouter({
  domains: ['paris.test'],
  accounts: createAccounts({
    users: [{ name: 'carol', password: 'secret', addresses: ['carol@paris.test'] }],
    aliases: { 'team@paris.test': ['dora@oslo.test', 'erik@lima.test'] },
  }),
})

/** Mail from elsewhere for a mailbox here, whose sender wants to hear that it is there. */
async function receive(options: Partial<DeliveryQueueOptions>) {
  const world = await createQueueWorld(undefined, { router, ...options })
  world.queue.pause()
  const envelope = {
    sender: 'bob@rome.test',
    recipients: [{ address: 'carol@paris.test', notify: ['success'] as const }],
  }
  await world.queue.send({ raw: 'Subject: Hello\r\n\r\nHow are you?\r\n', envelope })
  return world
}

describe('news of mail that is in a mailbox', () => {
  it('is stored in the commit that puts it there', async () => {
    const { storage, faults } = faultyStorage(memoryStorage())
    let commits = 0
    const once = () => {
      if (++commits > 1) throw new Error('the process died')
    }
    faults.settle = (real, settlement) => {
      once()
      return real(settlement)
    }
    const dying = {
      ...storage,
      accept: async (batch: Parameters<typeof storage.accept>[0]) => {
        once()
        return storage.accept(batch)
      },
    }
    await using world = await receive({ storage: dying })
    expect(await world.queue.list()).toMatchObject([{ recipient: { address: 'bob@rome.test' } }])
    expect(world.events('dsn:sent')).toMatchObject([{ kind: 'delivered', to: 'bob@rome.test' }])
    expect(world.events('message:queued')).toMatchObject([{ sender: '', recipients: ['bob@rome.test'] }])
    expect(world.events('queue:error')).toEqual([])
  })

  it('is stored once, however often the message is handed in', async () => {
    await using world = await createQueueWorld(undefined, { router })
    world.queue.pause()
    const traceId = 'twice'
    const envelope = {
      sender: 'bob@rome.test',
      recipients: [{ address: 'carol@paris.test', notify: ['success'] as const }],
    }
    const routes = [await router.route('carol@paris.test')]
    const message = bytesSource('Subject: Hello\r\n\r\nHow are you?\r\n')
    const batch = planBatch({
      id: 'twice',
      traceId,
      envelope,
      routes,
      message,
      receivedAt: world.clock.now(),
    })
    for (let time = 0; time < 2; time++) {
      await world.queue.accept(batch, { traceId, envelope, ours: false, routes })
    }
    expect((await world.storage.mail.mailboxes('carol')).map(({ messages }) => messages)).toEqual([1])
    expect(await world.queue.list()).toHaveLength(1)
  })

  it('is of each kind there is: kept here, and sent on to several addresses (RFC 3461 §5.2.7.3)', async () => {
    await using world = await createQueueWorld(undefined, { router })
    world.queue.pause()
    const notify = ['success'] as const
    const recipients = ['carol@paris.test', 'team@paris.test'].map(address => ({ address, notify }))
    await world.queue.send({ raw: 'Subject: x\r\n\r\n', envelope: { sender: 'bob@rome.test', recipients } })
    expect(world.events('dsn:sent')).toMatchObject([
      { kind: 'delivered', recipients: ['carol@paris.test'] },
      { kind: 'expanded', recipients: ['team@paris.test'] },
    ])
    const [mail, ...news] = world.events('message:queued')
    expect(mail?.recipients).toEqual(['dora@oslo.test', 'erik@lima.test'])
    expect(news.map(({ entries }) => entries.length)).toEqual([1, 1])
    expect(new Set(news.map(({ traceId }) => traceId))).toEqual(
      new Set(world.events('dsn:sent').map(({ dsnTraceId }) => dsnTraceId)),
    )
  })

  it('is never told to the null sender', async () => {
    await using world = await createQueueWorld(undefined, { router })
    const recipients = [{ address: 'carol@paris.test', notify: ['success'] as const }]
    await world.queue.send({ raw: 'Subject: x\r\n\r\n', envelope: { sender: '', recipients } })
    expect([...world.events('dsn:sent'), ...world.events('dsn:suppressed')]).toEqual([])
  })

  it('is never held by a rule', async () => {
    await using world = await receive({ hold: () => true })
    expect(await world.queue.counts()).toMatchObject({ waiting: 1, held: 0 })
  })

  it('keeps no mail from being stored when it cannot be written', async () => {
    const failing = {
      ...router,
      route: (recipient: string) => {
        if (recipient.endsWith('rome.test')) throw new Error('no database')
        return router.route(recipient)
      },
      isLocal: (domain: string) => router.isLocal(domain),
    }
    await using world = await receive({ router: failing })
    expect(await world.queue.list()).toEqual([])
    expect((await world.storage.mail.mailboxes('carol')).map(({ messages }) => messages)).toContain(1)
    expect(world.events('queue:error')).toMatchObject([{ during: 'confirming a delivery' }])
  })
})
