import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Reply } from '../../../src/core/reply.js'
import { exponentialBackoff, fiveDays } from '../../../src/queue/retry/exponential-backoff.js'
import { fixedSchedule } from '../../../src/queue/retry/fixed-schedule.js'
import { retryByReply } from '../../../src/queue/retry/retry-by-reply.js'
import type { RetryContext, RetryPolicy } from '../../../src/queue/retry/retry-policy.js'
import type { AttemptRecord } from '../../../src/storage/queue-storage.js'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** All attempts of a message that nobody ever takes, in milliseconds after queueing, and what was decided on the way. */
function live(
  policy: RetryPolicy,
  random: (attempt: number) => number = () => 0.5,
  context: Partial<RetryContext> = {},
) {
  const attempts: number[] = []
  const warnings: number[] = []
  let now = context.queuedAt ?? 0
  const queuedAt = now
  let family: { family?: 4 | 6 } = {}
  for (let attempt = 1; attempt < 10_000; attempt++) {
    attempts.push(now - queuedAt)
    const decision = policy(
      contextOf({
        ...context,
        ...family,
        attempt,
        now,
        warned: warnings.length > 0,
        random: random(attempt),
      }),
    )
    if ('giveUp' in decision) return { attempts, warnings, end: now - queuedAt }
    if (decision.family) family = { family: decision.family }
    if (decision.warn) warnings.push(now - queuedAt)
    now = decision.retryAt
  }
  throw new Error('never gives up')
}

function outcomeOf(reply: Reply | undefined): AttemptRecord {
  const facts = { status: 'deferred', reason: 'busy', startedAt: 0, endedAt: 0 } as const
  return reply ? { ...facts, scope: 'recipient', address: '2001:db8::1', reply } : { ...facts, scope: 'host' }
}

function contextOf(context: Partial<RetryContext>): RetryContext {
  return {
    attempt: 1,
    queuedAt: 0,
    now: 0,
    outcome: { status: 'deferred', scope: 'host', reason: 'busy', startedAt: 0, endedAt: 0 },
    sender: 'alice@paris.test',
    recipient: 'bob@rome.test',
    destination: 'rome.test',
    warned: false,
    random: 0.5,
    ...context,
  }
}

describe('exponentialBackoff', () => {
  it('has this schedule when left as it is', () => {
    const { attempts, warnings, end } = live(exponentialBackoff())
    expect(attempts.map(at => at / minute)).toEqual([
      0, 15, 37.5, 71.25, 121.875, 197.8125, 311.71875, 431.71875, 551.71875, 671.71875, 791.71875, 911.71875,
      1031.71875, 1151.71875, 1271.71875, 1391.71875, 1511.71875, 1631.71875, 1751.71875, 1795,
    ])
    expect(warnings.map(at => at / minute)).toEqual([311.71875])
    expect(end).toBe(30 * hour - 5 * minute)
  })

  it('goes on for five days with the preset', () => {
    const { attempts, end } = live(exponentialBackoff(fiveDays))
    expect(end).toBe(5 * day - 5 * minute)
    expect(attempts.length).toBeGreaterThan(30)
    const gaps = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0))
    expect(Math.max(...gaps)).toBe(4 * hour)
  })

  it('takes each option', () => {
    const policy = exponentialBackoff({
      first: '1m',
      factor: 2,
      max: '4m',
      jitter: 0,
      giveUpAfter: '20m',
      warnAfter: '5m',
      lastAttempt: '30s',
    })
    const { attempts, warnings } = live(policy)
    expect(attempts.map(at => at / minute)).toEqual([0, 1, 3, 7, 11, 15, 19, 19.5])
    expect(warnings).toEqual([7 * minute])
  })

  it('does not warn where it is told not to, nor the null sender, nor twice', () => {
    expect(live(exponentialBackoff({ warnAfter: false })).warnings).toEqual([])
    expect(live(exponentialBackoff(), undefined, { sender: '' }).warnings).toEqual([])
    expect(exponentialBackoff()(contextOf({ now: 10 * hour, warned: true }))).not.toHaveProperty('warn')
  })

  it('lets a message that is late from the start wait, and says until when', () => {
    expect(exponentialBackoff()(contextOf({ attempt: 1, now: 10 * hour }))).toEqual({
      retryAt: 10 * hour + 15 * minute,
      giveUpAt: 30 * hour,
      warn: true,
    })
  })

  it('gives up at once when the clock jumped beyond the end', () => {
    expect(exponentialBackoff()(contextOf({ attempt: 2, now: 400 * day }))).toEqual({ giveUp: true })
  })

  it('keeps to its waits when the clock jumped back before the message was queued', () => {
    const decision = exponentialBackoff()(contextOf({ attempt: 1, queuedAt: 100 * day, now: 0 }))
    expect(decision).toMatchObject({ retryAt: 15 * minute })
  })

  it('makes no second last attempt when the clock is set back a little during the last', () => {
    const lastAt = 30 * hour - 5 * minute
    expect(exponentialBackoff()(contextOf({ attempt: 20, now: lastAt - 500 }))).toEqual({ giveUp: true })
  })

  it('is a pure function', () => {
    const policy = exponentialBackoff()
    const context = Object.freeze(contextOf({ attempt: 3, now: hour, random: 0.3 }))
    expect(policy(context)).toEqual(policy(context))
  })

  it.each([
    [{ first: 0 }, 'first'],
    [{ first: '-1m' }, 'first'],
    [{ factor: 0.5 }, 'factor'],
    [{ max: '1m' }, 'max: expected no less than first'],
    [{ jitter: 1 }, 'jitter'],
    [{ giveUpAfter: 0 }, 'giveUpAfter'],
    [{ warnAfter: true }, 'warnAfter'],
    [{ lastAttempt: 'soon' }, 'lastAttempt'],
    [{ giveupAfter: '5d' }, 'giveupAfter'],
  ])('refuses %j', (options, name) => {
    expect(() => exponentialBackoff(options as never)).toThrowError(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining(name) }),
    )
  })
})

describe('fixedSchedule', () => {
  it('waits as it is told, the last wait again and again', () => {
    const { attempts } = live(
      fixedSchedule({ delays: ['5m', '10m', '1h'], giveUpAfter: '4h', warnAfter: false }),
    )
    expect(attempts.map(at => at / minute)).toEqual([0, 5, 15, 75, 135, 195, 235])
  })

  it('leaves out an attempt that would come just before the last', () => {
    const { attempts } = live(fixedSchedule({ delays: ['52m'], giveUpAfter: '1h' }))
    expect(attempts.map(at => at / minute)).toEqual([0, 55])
  })

  it('wants a delay, and none of 0', () => {
    for (const delays of [[], [0], ['0s'], ['1m', 'x']]) {
      expect(() => fixedSchedule({ delays: delays as never })).toThrowError(
        expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining('delays') }),
      )
    }
  })
})

describe('every policy', () => {
  const length = fc.integer({ min: 1_000, max: 3 * hour })
  const expiry = {
    giveUpAfter: fc.integer({ min: 10_000, max: 10 * day }),
    warnAfter: fc.oneof(fc.constant(false as const), length),
    lastAttempt: length,
  }
  const expiries = fc.record({ ...expiry, giveUpAfter: fc.integer({ min: minute, max: 10 * day }) })
  const shapes = fc.oneof(
    fc.record({
      first: fc.integer({ min: 10 * minute, max: hour }),
      factor: fc.double({ min: 1, max: 8, noNaN: true }),
      max: fc.integer({ min: hour, max: day }),
      jitter: fc.double({ min: 0, max: 0.5, noNaN: true }),
    }),
    fc.record({
      delays: fc.array(
        length.map(ms => ms + 5 * minute),
        { minLength: 1, maxLength: 9 },
      ),
    }),
  )
  const randoms = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 20 })

  /** What servers say, by rules of every kind; the reply of each attempt is drawn. */
  const replies = fc.array(
    fc.constantFrom(
      undefined,
      { code: 421, enhanced: '4.7.28', text: 'Too many connections' },
      { code: 450, enhanced: '4.2.1', text: 'Later' },
      { code: 451, enhanced: '4.7.1', text: 'IPv6 without PTR' },
      { code: 452, enhanced: '4.2.2', text: 'The mailbox is full' },
    ),
    { minLength: 1, maxLength: 5 },
  )

  it('only goes forward, makes a last attempt before the end and none after, and warns once at most', () => {
    fc.assert(
      fc.property(expiries, shapes, fc.boolean(), replies, randoms, (expiry, shape, reads, said, drawn) => {
        const inner =
          'delays' in shape
            ? fixedSchedule({ ...expiry, ...shape })
            : exponentialBackoff({ ...expiry, ...shape })
        const policy = reads ? retryByReply({ policy: inner }) : inner
        const { attempts, warnings, end } = live(
          context => policy({ ...context, outcome: outcomeOf(said[context.attempt % said.length]) }),
          n => drawn[n % drawn.length] ?? 0,
        )
        const stands = attempts.filter((at, index) => index > 0 && at <= (attempts[index - 1] ?? at))
        expect(stands).toEqual([])
        expect(attempts.at(-1)).toBe(end)
        expect(attempts.at(-1)).toBeLessThan(expiry.giveUpAfter)
        const lead = Math.min(expiry.lastAttempt, expiry.giveUpAfter / 10)
        // An attempt that comes within a second of the last is the last.
        expect(Math.abs(end - (expiry.giveUpAfter - lead))).toBeLessThanOrEqual(1_000)
        expect(warnings.length).toBeLessThanOrEqual(1)
        for (const at of warnings) expect(at).toBeGreaterThanOrEqual(Number(expiry.warnAfter))
      }),
      { numRuns: 300 },
    )
  })

  it('answers any context: until the last attempt with an instant to come, the same each time, then never', () => {
    const context = fc.record({
      attempt: fc.integer({ min: -1, max: 1_000_000 }),
      queuedAt: fc.integer({ min: 0, max: 2 ** 42 }),
      warned: fc.boolean(),
      sender: fc.constantFrom('', 'alice@paris.test'),
      random: fc.double({ min: 0, max: 0.999, noNaN: true }),
    })
    // Of the time a message has, before it was queued and after its end included.
    const part = fc.integer({ min: -200, max: 1_200 }).map(permille => permille / 1_000)
    let ended = 0
    fc.assert(
      fc.property(expiries, shapes, context, part, (expiry, shape, given, part) => {
        const policy =
          'delays' in shape
            ? fixedSchedule({ ...expiry, ...shape })
            : exponentialBackoff({ ...expiry, ...shape })
        const { giveUpAfter, lastAttempt, warnAfter } = expiry
        const age = Math.round(part * giveUpAfter)
        const lead = Math.min(lastAttempt, giveUpAfter / 10)
        const asked = contextOf({ ...given, now: given.queuedAt + age })
        const lastAt = given.queuedAt + giveUpAfter - lead
        const decision = policy(asked)
        expect(policy(asked)).toEqual(decision)
        if (asked.now >= lastAt - Math.min(lead, 1_000)) {
          ended++
          expect(decision).toEqual({ giveUp: true })
          return
        }
        const late = warnAfter !== false && !given.warned && given.sender !== '' && age >= warnAfter
        expect(decision).toEqual({
          retryAt: expect.any(Number),
          giveUpAt: given.queuedAt + giveUpAfter,
          ...(late && { warn: true }),
        })
        const retryAt = 'retryAt' in decision ? decision.retryAt : 0
        const wait = retryAt - asked.now
        expect(wait).toBeGreaterThan(0)
        expect(retryAt).toBeLessThanOrEqual(lastAt)
        const longest = 'delays' in shape ? Math.max(...shape.delays) : shape.max * (1 + shape.jitter)
        // The last attempt takes the place of one that would come just before it.
        expect(wait).toBeLessThanOrEqual(longest + lead)
      }),
      { numRuns: 1_000 },
    )
    expect(ended).toBeGreaterThan(50)
  })

  it('waits longer from attempt to attempt, by the factor, and spreads waits to both sides', () => {
    const options = { first: '10m', factor: 2, max: '5h', jitter: 0.2, giveUpAfter: '30d' } as const
    const policy = exponentialBackoff({ ...options, warnAfter: false })
    const wait = (attempt: number, random: number) => {
      const decision = policy(contextOf({ attempt, random }))
      return 'retryAt' in decision ? decision.retryAt / minute : undefined
    }
    expect([1, 2, 3, 6, 7].map(attempt => wait(attempt, 0.5))).toEqual([10, 20, 40, 300, 300])
    expect([0, 0.25, 0.75].map(random => wait(2, random))).toEqual([16, 18, 22])
  })
})
