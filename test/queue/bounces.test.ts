import { describe, expect, it } from 'vitest'
import type { EnvelopeRecipient } from '../../src/core/envelope.js'
import { bytesSource, readAll } from '../../src/message/sources.js'
import type { OutgoingMessage } from '../../src/queue/outgoing-message.js'
import { planBatch } from '../../src/routing/plan-batch.js'
import type { Router } from '../../src/routing/router.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { faultyStorage } from './faulty-storage.js'
import { createQueueWorld, deferred, delivered, failed, minute } from './queue-world.js'

const body = 'the body of the letter'

/** Sends a message that fails and reads its bounce. */
async function bounceOf(envelope: Partial<NonNullable<OutgoingMessage['envelope']>> = {}, size = 0) {
  await using world = await createQueueWorld(recipient =>
    recipient.endsWith('rome.test') ? failed : delivered,
  )
  await world.queue.send({
    raw: `Subject: Hello\r\n\r\n${body}\r\n${'x'.repeat(size)}\r\n`,
    envelope: { sender: 'alice@paris.test', recipients: ['bob@rome.test'], ...envelope },
  })
  await world.clock.settled()
  const delivery = world.transport.deliveries.find(({ destination }) => destination === 'paris.test')
  return {
    delivery,
    raw: delivery ? (await readAll(delivery.message)).toString() : '',
    events: world.events('dsn:sent'),
  }
}

describe('a bounce', () => {
  it('is told of as queued, behind the news that it was sent', async () => {
    await using world = await createQueueWorld(to => (to === 'bob@rome.test' ? failed : delivered))
    await world.send('bob@rome.test')
    await world.queue.idle()
    expect(world.events('message:queued').map(({ sender, recipients }) => [sender, recipients])).toEqual([
      ['alice@paris.test', ['bob@rome.test']],
      ['', ['alice@paris.test']],
    ])
    const told = world.log.map(({ event }) => event)
    expect(told.lastIndexOf('message:queued')).toBe(told.indexOf('dsn:sent') + 1)
  })

  it('comes from the null sender to the original one, and asks for no bounce itself', async () => {
    const { delivery, events } = await bounceOf()
    expect(delivery?.envelope).toEqual({ sender: '' })
    expect(delivery?.recipients).toEqual([{ address: 'alice@paris.test', notify: ['never'] }])
    expect(events).toMatchObject([{ dsnTraceId: delivery?.traceId, to: 'alice@paris.test', kind: 'failed' }])
  })

  it('returns a small message whole, a large one as its header, and each as the sender asked', async () => {
    expect((await bounceOf()).raw).toContain(body)
    expect((await bounceOf({}, 65_000)).raw).toContain(body)
    expect((await bounceOf({}, 66_000)).raw).not.toContain(body)
    expect((await bounceOf({ ret: 'full' }, 100_000)).raw).toContain(body)
    const header = (await bounceOf({ ret: 'hdrs' })).raw
    expect(header).not.toContain(body)
    expect(header).toContain('Subject: Hello')
  })

  it('returns no body of a message that had to stay encrypted, and must stay so itself (RFC 8689 §5)', async () => {
    const { raw, delivery } = await bounceOf({ requireTls: true, ret: 'full' })
    expect(raw).not.toContain(body)
    expect(raw).toContain('Subject: Hello')
    expect(delivery?.envelope).toEqual({ sender: '', requireTls: true })
  })

  it('names what the sender named: ENVID and ORCPT', async () => {
    const recipient: EnvelopeRecipient = {
      address: 'bob@rome.test',
      notify: ['failure'],
      originalRecipient: 'rfc822;team@oslo.test',
    }
    const { raw } = await bounceOf({ envid: 'QQ314159', recipients: [recipient] })
    expect(raw).toMatch(/^Original-Envelope-Id: QQ314159\r$/m)
    expect(raw).toMatch(/^Original-Recipient: rfc822; ?team@oslo\.test\r$/m)
    expect(raw).toMatch(/^Reporting-MTA: dns; ?mx\.paris\.test\r$/m)
  })

  it.each([false, true])(
    'is not worth a second delivery where news of success cannot be stored, final %s',
    async final => {
      const { storage, faults } = faultyStorage(memoryStorage())
      faults.settle = (real, settlement) => {
        if (settlement.accept) throw new Error('no room')
        return real(settlement)
      }
      await using world = await createQueueWorld(() => ({ ...delivered, final }), { storage })
      const recipients = [{ address: 'bob@rome.test', notify: ['success'] as const }]
      await world.queue.send({
        raw: 'Subject: x\r\n\r\n',
        envelope: { sender: 'alice@paris.test', recipients },
      })
      await world.clock.advance('1h')
      expect(world.transport.deliveries).toHaveLength(1)
      expect(await world.queue.list()).toEqual([])
    },
  )

  it('is a warning with the next attempt, where it cannot be composed with this one', async () => {
    let fails = true
    const router: Router = {
      isLocal: () => false,
      route: async recipient => {
        if (fails && recipient === 'alice@paris.test') throw new Error('no database')
        return { kind: 'accept', local: [], remote: [recipient], relay: true }
      },
    }
    const script = (recipient: string) => (recipient.endsWith('rome.test') ? deferred : delivered)
    await using world = await createQueueWorld(script, { router })
    await world.send('bob@rome.test')
    await world.clock.advance('8h')
    expect(world.events('queue:error')).not.toEqual([])
    fails = false
    await world.clock.advance('8h')
    expect(world.events('dsn:sent')).toMatchObject([{ kind: 'delayed', to: 'alice@paris.test' }])
  })

  it('returns a header in UTF-8 with SMTPUTF8, and 8bit as 8BITMIME', async () => {
    const envelopeOf = async (raw: string, body?: '7bit') => {
      const script = (recipient: string) => (recipient.endsWith('rome.test') ? failed : delivered)
      await using world = await createQueueWorld(script)
      const envelope = {
        ...{ sender: 'alice@paris.test', recipients: [{ address: 'bob@rome.test' }] },
        ...(body ? { body } : {}),
      }
      if (body) {
        const routes = [{ kind: 'accept', local: [], remote: ['bob@rome.test'], relay: true } as const]
        const batch = { id: 'x', traceId: 'x', envelope, routes, message: bytesSource(raw) }
        await world.queue.accept(planBatch({ ...batch, receivedAt: world.clock.now() }))
      } else await world.queue.send({ raw, envelope })
      await world.clock.settled()
      return world.transport.deliveries.find(({ destination }) => destination === 'paris.test')?.envelope
    }
    expect(await envelopeOf('Subject: Grüße\r\n\r\n')).toEqual({
      sender: '',
      body: '8bitmime',
      smtputf8: true,
    })
    expect(await envelopeOf('Subject: x\r\n\r\nä\r\n')).toEqual({ sender: '', body: '8bitmime' })
    expect(await envelopeOf('Subject: x\r\n\r\nx\r\n')).toEqual({ sender: '' })
    expect(await envelopeOf('Subject: x\r\n\r\nx\r\n', '7bit')).toEqual({ sender: '' })
  })

  it('goes to an internationalized sender with SMTPUTF8', async () => {
    await using world = await createQueueWorld(recipient =>
      recipient.endsWith('rome.test') ? failed : delivered,
    )
    await world.send('bob@rome.test', 'jörg@paris.test')
    await world.clock.settled()
    expect(world.transport.deliveries.at(-1)?.envelope).toEqual({
      sender: '',
      body: '8bitmime',
      smtputf8: true,
    })
  })

  it('says in a warning until when it will be tried, and is sent only where it may be', async () => {
    await using world = await createQueueWorld(recipient =>
      recipient.endsWith('rome.test') ? deferred : delivered,
    )
    await world.send('bob@rome.test')
    await world.queue.send({
      raw: 'Subject: x\r\n\r\n',
      envelope: {
        sender: 'carol@oslo.test',
        recipients: [{ address: 'dora@rome.test', notify: ['failure'] }],
      },
    })
    await world.clock.advance('6h')
    expect(world.events('dsn:sent')).toMatchObject([{ kind: 'delayed', to: 'alice@paris.test' }])
    const warning = world.transport.deliveries.find(({ destination }) => destination === 'paris.test')
    expect(warning && (await readAll(warning.message)).toString()).toMatch(
      /^Will-Retry-Until: Fri, 2 Jan 2026 06:00:00 \+0000\r$/m,
    )
    expect((await world.queue.list()).map(entry => [entry.recipient.address, entry.warned])).toEqual([
      ['bob@rome.test', true],
      ['dora@rome.test', false],
    ])
  })

  it('warns once, and nobody of a bounce, whatever the retry policy asks for', async () => {
    await using world = await createQueueWorld(to => (to === 'alice@paris.test' ? delivered : deferred), {
      retry: ({ now }) => ({ retryAt: now + 60_000, warn: true }),
    })
    await world.send('bob@rome.test')
    await world.send('bob@rome.test', '')
    await world.clock.advance('5m')
    expect(world.events('dsn:sent')).toMatchObject([{ kind: 'delayed', to: 'alice@paris.test' }])
    expect(world.events('dsn:suppressed')).toEqual([])
  })

  it('waits for a router that rejects its recipient for now', async () => {
    let isAway = true
    const router: Router = {
      isLocal: domain => domain === 'paris.test',
      route: async recipient =>
        isAway && recipient === 'alice@paris.test'
          ? { kind: 'reject', reply: { code: 450, enhanced: '4.2.1', text: 'Not now' } }
          : { kind: 'accept', local: [], remote: [recipient], relay: true },
    }
    const script = (recipient: string) => (recipient.endsWith('rome.test') ? failed : delivered)
    await using world = await createQueueWorld(script, { router })
    await world.send('bob@rome.test')
    await world.clock.settled()
    expect(world.events('queue:error')).toMatchObject([{ during: 'composing a DSN (failed)' }])
    expect(world.events('dsn:suppressed')).toEqual([])
    isAway = false
    await world.clock.advance(5 * minute)
    expect(world.events('dsn:sent')).toMatchObject([{ kind: 'failed', to: 'alice@paris.test' }])
  })

  it('is delayed itself without a warning, and gone with one event when nobody takes it', async () => {
    await using world = await createQueueWorld(recipient =>
      recipient.endsWith('rome.test') ? failed : deferred,
    )
    await world.send('bob@rome.test')
    await world.clock.advance('40h')
    expect(world.events('dsn:sent').map(event => event.kind)).toEqual(['failed'])
    expect(world.events('dsn:suppressed')).toMatchObject([{ recipients: ['alice@paris.test'] }])
    expect(world.events('recipient:failed').map(event => [event.recipient, event.expired])).toEqual([
      ['bob@rome.test', false],
      ['alice@paris.test', true],
    ])
    expect(await world.queue.list()).toEqual([])
  })
})
