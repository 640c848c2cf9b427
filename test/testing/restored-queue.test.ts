import { describe, expect, it } from 'vitest'
import { createScriptedServer, createTestMail, createVirtualClock } from '../../src/testing/index.js'
import { send } from './send.js'

const hour = 3_600_000

/** A mail server whose mail for two people at one host was put off and warned of, and for a third one held. */
async function delayedMail() {
  const clock = createVirtualClock()
  const mail = await createTestMail({
    clock,
    domains: ['app.test'],
    server: { queue: { random: () => 0.5 } },
  })
  const remote = createScriptedServer({ clock })
  const { port } = await remote.listen()
  mail.route('slow.test', { port })
  const refusal = remote.on.rcpt().reply(451, '4.7.1 Later')
  await send(mail, { to: ['a@slow.test', 'b@slow.test', 'c@slow.test'], subject: 'Slow' })
  await clock.advance('6h')
  const held = (await mail.server.queue.list({ recipient: 'c@slow.test' })).map(({ id }) => id)
  await mail.server.queue.hold(held)
  const warnings = () => mail.messages({ envelope: { sender: '' } })
  const close = async () => {
    await mail.close()
    await remote.close()
  }
  return { clock, mail, remote, refusal, warnings, [Symbol.asyncDispose]: close }
}

describe('a queue that was put back', () => {
  it('goes on where it was: one transaction, no second warning, what is held still held', async () => {
    await using world = await delayedMail()
    const { clock, mail, remote, refusal, warnings } = world
    const before = await mail.server.queue.list()
    expect(before.every(({ warned, attempts }) => warned && attempts > 3)).toBe(true)
    const warned = (await warnings()).length
    expect(warned).toBeGreaterThan(0)
    // An attempt that hangs is under way while the snapshot is taken.
    let hang = true
    const begun = new Promise<void>(resolve => {
      refusal[Symbol.dispose]()
      remote.on
        .data()
        .when(() => hang)
        .run(() => {
          resolve()
          return new Promise(() => {})
        })
    })
    void clock.advance('2h').catch(() => {})
    await begun
    const state = await mail.snapshot()
    expect(state.queue.map(({ entry }) => entry.state)).toEqual(['leased', 'leased', 'held'])
    hang = false
    await mail.restore(state)
    const after = await mail.server.queue.list()
    expect(after.map(({ history, queuedAt }) => [history, queuedAt])).toEqual(
      before.map(({ history, queuedAt }) => [history, queuedAt]),
    )
    await clock.advance('2h')
    const taken = remote.messages.filter(({ recipients }) => recipients.length > 0)
    expect(taken.map(({ recipients }) => recipients)).toEqual([['a@slow.test', 'b@slow.test']])
    expect((await mail.server.queue.list()).map(({ state: now }) => now)).toEqual(['held'])
    expect(await warnings()).toHaveLength(warned)
  })

  it('gives up when it would have', async () => {
    await using world = await delayedMail()
    const { clock, mail, warnings } = world
    const told = (await warnings()).length
    await mail.restore(await mail.snapshot())
    await clock.advance(23 * hour)
    expect(await mail.server.queue.list()).toHaveLength(3)
    await clock.advance(2 * hour)
    expect((await mail.server.queue.list()).map(({ state }) => state)).toEqual(['held'])
    const bounces = await warnings()
    expect(bounces.length).toBe(told + 1)
    expect(bounces.at(-1)?.text).toContain('a@slow.test')
  })

  it('has what is dead still dead, and why', async () => {
    await using mail = await createTestMail({ domains: ['app.test'] })
    const { queue } = mail.server
    queue.pause()
    await send(mail, { to: 'a@slow.test', subject: 'Slow' })
    const [lease] = await queue.storage.queue.lease({ now: Number.MAX_SAFE_INTEGER, expiresAt: 1, limit: 1 })
    const attempt = { startedAt: 1, endedAt: 2, status: 'failed', scope: 'local', reason: 'lost' } as const
    const next = { state: 'dead', problem: 'lost' } as const
    if (lease)
      await queue.storage.queue.settle({ entries: [{ id: lease.id, token: lease.token, attempt, next }] })
    await mail.restore(await mail.snapshot())
    expect(await queue.list()).toMatchObject([{ state: 'dead', problem: 'lost', history: [attempt] }])
    expect(queue.paused).toBe(true)
  })

  it('warns once of what was never attempted, and begins at the first instant of time', async () => {
    const clock = createVirtualClock({ start: 0 })
    await using mail = await createTestMail({ clock, domains: ['app.test'] })
    const { queue } = mail.server
    queue.pause()
    await send(mail, { to: ['a@one.test', 'b@two.test', 'c@three.test'] })
    const leased = await queue.storage.queue.lease({ now: 0, expiresAt: 1, limit: 2 })
    const attempt = { startedAt: 1, endedAt: 2, status: 'deferred', scope: 'local', reason: 'later' } as const
    const next = { state: 'waiting', dueAt: hour, warned: true } as const
    const entries = leased.map((lease, index) => ({
      ...{ id: lease.id, token: lease.token, next },
      ...(index === 0 && { attempt }),
    }))
    await queue.storage.queue.settle({ entries })
    const before = await queue.list()
    expect(before.map(({ warned, history }) => [warned, history.length])).toEqual([
      [true, 1],
      [true, 0],
      [false, 0],
    ])
    await mail.restore(await mail.snapshot())
    const told = ({ warned, history, dueAt, attempts }: (typeof before)[number]) => ({
      ...{ warned, history, dueAt, attempts },
    })
    expect((await queue.list()).map(told)).toEqual(before.map(told))
  })
})
