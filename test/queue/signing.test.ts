import { describe, expect, it } from 'vitest'
import { createAccounts } from '../../src/accounts/static/create-accounts.js'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import { bytesSource, readAll } from '../../src/message/sources.js'
import type { DeliveryQueueOptions } from '../../src/queue/options.js'
import { createRouter } from '../../src/routing/create-router.js'
import { planBatch } from '../../src/routing/plan-batch.js'
import { createDkimSigner } from '../../src/signing/create-dkim-signer.js'
import type { SigningRequest } from '../../src/signing/message-signer.js'
import { createMailWorld } from '../flow/mail-world.js'
import { ed25519Key } from '../signing/dkim-keys.js'
import { createQueueWorld, deferred, delivered, failed, hour } from './queue-world.js'

const dkim = createDkimSigner({ keys: [{ domain: 'paris.test', selector: 'ed', privateKey: ed25519Key }] })
const raw = 'From: alice@paris.test\r\nSubject: Hello\r\n\r\nHow are you?\r\n'
const envelope = { sender: 'alice@paris.test', recipients: ['bob@rome.test'] }
const signatures = (text: string) => text.match(/^DKIM-Signature:/gm)?.length ?? 0

/** A signature is made by a thread of its own, which a busy machine may hold up: that is no halt. */
const patientClock = () => createVirtualClock({ haltAfter: 1_000 })

async function sentAs(world: Awaited<ReturnType<typeof createQueueWorld>>, delivery: number) {
  const message = world.transport.deliveries[delivery]?.message
  return message ? String(await readAll(message)) : ''
}

describe('signing', () => {
  it('happens once, before the message is stored: every attempt sends the same bytes', async () => {
    let attempts = 0
    await using world = await createQueueWorld(() => (++attempts < 3 ? deferred : delivered), {
      sign: dkim,
      clock: patientClock(),
    })
    await world.queue.send({ raw, envelope })
    await world.clock.advance(4 * hour)
    const sent = await Promise.all(world.transport.deliveries.map(({ message }) => readAll(message)))
    expect(sent).toHaveLength(3)
    expect(new Set(sent.map(String)).size).toBe(1)
    expect(signatures(String(sent[0]))).toBe(1)
    expect(String(sent[0]).endsWith(raw)).toBe(true)
  })

  it('signs bounces too', async () => {
    const script = (recipient: string) => (recipient.endsWith('rome.test') ? failed : delivered)
    await using world = await createQueueWorld(script, { sign: dkim, clock: patientClock() })
    await world.queue.send({ raw, envelope })
    await world.clock.settled()
    const bounce = await sentAs(world, 1)
    expect(bounce).toMatch(/^DKIM-Signature: .* d=paris\.test;/)
    expect(bounce).toContain('Subject: Your message could not be delivered')
  })

  it('takes what signers give as octets', async () => {
    const sign = { sign: async () => 'X: \u00c3\u00bc\r\n' }
    await using world = await createQueueWorld(() => delivered, { sign })
    await world.queue.send({ raw, envelope })
    await world.clock.settled()
    expect(await sentAs(world, 0)).toBe(`X: ü\r\n${raw}`)
  })

  it('signs what was stored before it was handed in, and tells of it', async () => {
    const sign = { sign: async () => 'X: y\r\n' }
    await using world = await createQueueWorld(() => delivered, { sign })
    const { id } = await world.storage.blobs.write(bytesSource(raw).open())
    const recipients = [
      { address: 'bob@rome.test' },
      { address: 'team@paris.test', notify: ['success'] as const },
    ]
    const known = { traceId: 'x', envelope: { sender: 'alice@paris.test', recipients } }
    const accept = { kind: 'accept', local: [], relay: false } as const
    const routes = [
      { ...accept, remote: ['bob@rome.test'] },
      { ...accept, remote: [] },
    ]
    const batch = { ...known, id: 'x', routes, message: { blob: id }, receivedAt: world.clock.now() }
    await world.queue.accept(planBatch(batch), { ...known, ours: true, routes })
    await world.clock.settled()
    const sent = world.transport.deliveries.map(({ destination }) => destination)
    expect(await sentAs(world, sent.indexOf('rome.test'))).toBe(`X: y\r\n${raw}`)
    expect(await sentAs(world, sent.indexOf('paris.test'))).toContain('Subject: Your message was delivered')
  })

  it('signs nothing that stays here, be it a bounce', async () => {
    const seen: string[] = []
    const sign = { sign: async (_: unknown, { traceId }: SigningRequest) => `X: ${seen.push(traceId)}\r\n` }
    const users = [{ name: 'alice', password: 'secret', addresses: ['alice@paris.test'] }]
    const router = createRouter({ domains: ['paris.test'], accounts: createAccounts({ users }) })
    await using world = await createQueueWorld(() => failed, { sign, router })
    await world.queue.send({ raw, envelope: { ...envelope, recipients: ['alice@paris.test'] } })
    expect(seen).toEqual([])
    const { traceId } = await world.queue.send({ raw, envelope })
    await world.clock.settled()
    expect((await world.storage.mail.mailboxes('alice')).map(({ messages }) => messages)).toContain(2)
    expect(seen).toEqual([traceId])
  })

  it('asks each signer for what those before it left', async () => {
    const seen: SigningRequest[] = []
    const mark = (field: string) => ({
      sign: async (_: unknown, about: SigningRequest) => {
        seen.push(about)
        return `${field}: x\r\n`
      },
    })
    await using world = await createQueueWorld(() => delivered, { sign: [mark('X-First'), mark('X-Second')] })
    await world.queue.send({ raw, envelope })
    await world.clock.settled()
    const sent = await sentAs(world, 0)
    expect(sent).toBe(`X-Second: x\r\nX-First: x\r\n${raw}`)
    expect(seen).toMatchObject([{ ours: true, envelope: { sender: 'alice@paris.test' } }, { ours: true }])
  })

  it('refuses mail for now when a signer fails', async () => {
    const sign = { sign: () => Promise.reject(new Error('the key is away')) }
    await using world = await createQueueWorld(() => delivered, { sign })
    await expect(world.queue.send({ raw, envelope })).rejects.toMatchObject({
      code: 'HANDLER_FAILED',
      temporary: true,
      message: 'sign: the key is away',
    })
    expect(await world.queue.list()).toEqual([])
  })

  it.each([[{ sign: {} }], [{ sign: [{}] }]])('takes signers alone: %j', async options => {
    await expect(createQueueWorld(undefined, options as unknown as DeliveryQueueOptions)).rejects.toThrow(
      /sign: .*createDkimSigner/,
    )
  })
})

describe('what others sent', () => {
  it('is not signed in our name when it is forwarded', async () => {
    await using world = createMailWorld()
    await world.host('rome.test', {
      aliases: { 'bob@rome.test': ['carol@oslo.test'] },
      server: {
        queue: {
          sign: createDkimSigner({ keys: [{ domain: 'rome.test', selector: 'ed', privateKey: ed25519Key }] }),
        },
      },
    })
    const paris = await world.host('paris.test')
    const oslo = await world.host('oslo.test', { users: ['carol'] })
    await paris.queue.send({
      raw: 'From: boss@rome.test\r\nSubject: forged\r\n\r\n',
      envelope: { sender: 'eve@paris.test', recipients: ['bob@rome.test'] },
    })
    await world.clock.settled()
    const mailbox = await oslo.store.mailbox('carol')
    const [message] = await mailbox.list()
    const bytes = message && String(await readAll(await mailbox.open(message)))
    expect(bytes).toContain('Subject: forged')
    expect(signatures(bytes ?? '')).toBe(0)
  })
})
