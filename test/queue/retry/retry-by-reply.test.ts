import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exponentialBackoff, fiveDays, thirtyHours } from '../../../src/queue/retry/exponential-backoff.js'
import { retryByReply } from '../../../src/queue/retry/retry-by-reply.js'
import type { RetryContext } from '../../../src/queue/retry/retry-policy.js'
import type { AttemptRecord } from '../../../src/storage/queue-storage.js'
import { createQueueWorld, deferred, delivered, failed, hour, minute } from '../queue-world.js'

function said(code: number, text: string, facts: Partial<AttemptRecord> = {}, now = 0): RetryContext {
  const status = code >= 500 ? 'failed' : 'deferred'
  const [, enhanced, words = text] = /^(\d\.\d+\.\d+) (.*)$/s.exec(text) ?? []
  const reply = { code, text: words, ...(enhanced !== undefined && { enhanced }) }
  return {
    attempt: 1,
    queuedAt: 0,
    now,
    outcome: { status, scope: 'recipient', reason: text, startedAt: now, endedAt: now, reply, ...facts },
    sender: 'alice@paris.test',
    recipient: 'bob@rome.test',
    destination: 'rome.test',
    warned: true,
    random: 0.5,
  }
}

describe('retryByReply', () => {
  const policy = retryByReply()
  const quarter = { retryAt: 15 * minute }

  it.each([
    ['550-5.7.1', said(550, '5.7.1 does not meet IPv6 sending guidelines', { address: '2001:db8::1' })],
    ['421-4.7.1', said(421, '4.7.1 IPv6 without PTR', { address: '2001:db8::1' })],
  ])('tries the other family of addresses soon, once: %s', (_, context) => {
    const decide = (one: RetryContext) =>
      one.outcome.status === 'failed' ? policy.reconsider(one) : policy(one)
    expect(decide(context)).toMatchObject({ retryAt: minute, family: 4 })
    const again = decide({ ...context, family: 4 })
    expect(again ?? {}).not.toHaveProperty('family')
  })

  it('knows a domain by its U-labels and by its A-labels', () => {
    for (const domain of ['Bücher.test', 'xn--bcher-kva.test', '*.bücher.test']) {
      const byDomain = retryByReply({ rules: [{ domain, means: 'fail' }] })
      const destination = domain.startsWith('*') ? 'mx.xn--bcher-kva.test' : 'xn--bcher-kva.test'
      expect(byDomain({ ...said(450, 'later'), destination })).toMatchObject({ giveUp: true })
      expect(byDomain(said(450, 'later'))).toMatchObject(quarter)
    }
    expect(() => retryByReply({ rules: [{ domain: 'a b', means: 'fail' }] })).toThrow('domain')
  })

  it('slows down where it is told to', () => {
    for (const text of ['4.7.28 unusual rate of mail', '4.7.0 [TSS04] deferred', 'Too many connections']) {
      expect(policy(said(421, text))).toMatchObject({ retryAt: hour, pace: 'slow-down' })
    }
    expect(policy(said(421, '4.3.2 restarting'))).toMatchObject(quarter)
    expect(policy(said(421, '4.3.2 restarting'))).not.toHaveProperty('pace')
  })

  it('lets the other side ask for a longer wait than the rule has', () => {
    const asked = said(421, '4.7.28 unusual rate of mail', { retryAfter: 3 * hour })
    expect(policy(asked)).toMatchObject({ retryAt: 3 * hour, pace: 'slow-down' })
  })

  it('tries the other family later than now, even without a wait', () => {
    const own = retryByReply({ rules: [{ means: 'other-family', wait: 0 }] })
    const decision = own(said(450, 'no', { address: '192.0.2.1' }, hour))
    expect(decision).toMatchObject({ family: 6, retryAt: hour + 1 })
  })

  it('takes some permanent codes for temporary, and some temporary ones for permanent', () => {
    expect(policy.reconsider(said(552, '5.2.2 The mailbox is full'))).toMatchObject(quarter)
    expect(policy.reconsider(said(554, '5.7.1 Temporarily unavailable'))).toMatchObject(quarter)
    expect(policy.reconsider(said(550, '5.1.1 No such user'))).toBeUndefined()
    expect(policy(said(450, 'This account has been closed'))).toMatchObject({ giveUp: true, permanent: true })
  })

  it('lets a rule of one code, text and domain decide, the first that fits', () => {
    const own = retryByReply({
      rules: [
        { code: '451', text: /later/, domain: '*.rome.test', means: 'slow-down', wait: '3h' },
        { code: '45x', means: 'fail' },
      ],
      policy: exponentialBackoff({ jitter: 0 }),
    })
    expect(own({ ...said(451, 'later'), destination: 'mx.rome.test' })).toMatchObject({ retryAt: 3 * hour })
    expect(own(said(451, 'later'))).toMatchObject({ giveUp: true })
    expect(own(said(421, 'later'))).toMatchObject(quarter)
    const lost: AttemptRecord = { status: 'deferred', scope: 'host', reason: '', startedAt: 0, endedAt: 0 }
    expect(own({ ...said(451, ''), outcome: lost })).toMatchObject(quarter)
  })

  it('answers the same each time by a text with a memory, and reads no more than the beginning of a reply', () => {
    const own = retryByReply({ rules: [{ text: /later$/g, means: 'fail' }] })
    for (let time = 0; time < 3; time++) expect(own(said(450, 'try later'))).toMatchObject({ giveUp: true })
    const long = `${'x'.repeat(1_000)} later`
    expect(own(said(450, long))).toMatchObject(quarter)
  })

  it('asks the policy inside as of something temporary', () => {
    const statuses: string[] = []
    const own = retryByReply({
      rules: [{ code: '554', means: 'retry' }, { means: 'slow-down' }],
      policy: ({ outcome, now }) => {
        statuses.push(outcome.status)
        return { retryAt: now + minute }
      },
    })
    own.reconsider(said(554, 'no'))
    own.reconsider(said(550, 'no'))
    expect(statuses).toEqual(['deferred', 'deferred'])
  })

  it.each([
    [{ rules: [{ code: '2xx', means: 'fail' }] }],
    [{ rules: [{ code: '45x', means: 'whatever' }] }],
    [{ rules: [{ text: 'x', means: 'fail' }] }],
  ])('refuses %j', options => {
    expect(() => retryByReply(options as never)).toThrowError(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
  })

  it('keeps to the end of the policy inside, whatever it is told', () => {
    const codes = fc.constantFrom(421, 450, 451, 452, 550, 552, 554)
    const texts = fc.constantFrom(
      '4.7.28 x',
      'too many recipients',
      '5.2.2 full',
      'try again later',
      'IPv6 PTR',
      '',
    )
    const presets = fc.constantFrom(thirtyHours, fiveDays)
    const retryAfter = fc.integer({ min: 0, max: 40 * hour })
    const seen = { again: 0, ended: 0 }
    fc.assert(
      fc.property(
        codes,
        texts,
        presets,
        retryAfter,
        fc.integer({ min: 0, max: 6 * 24 * hour }),
        (code, text, preset, retryAfter, now) => {
          const inner = exponentialBackoff(preset)
          const own = retryByReply({ policy: inner })
          const context = said(code, text, { address: '2001:db8::1', retryAfter }, now)
          const decision = code >= 500 ? own.reconsider(context) : own(context)
          if ('giveUp' in inner(context)) {
            seen.ended++
            expect(decision).toEqual(code >= 500 ? undefined : { giveUp: true })
            return
          }
          if (!decision || 'giveUp' in decision) {
            expect(decision).toBeUndefined()
            expect(code).toBeGreaterThanOrEqual(500)
            return
          }
          seen.again++
          const { retryAt, giveUpAt = 0, family } = decision
          expect(retryAt).toBeGreaterThan(now)
          expect(retryAt).toBeLessThan(giveUpAt)
          // As late as was asked for, or the last attempt; the other family is tried at once.
          if (!family && retryAt < giveUpAt - 5 * minute)
            expect(retryAt).toBeGreaterThanOrEqual(now + retryAfter)
        },
      ),
      { numRuns: 500 },
    )
    expect(seen.again).toBeGreaterThan(50)
    expect(seen.ended).toBeGreaterThan(50)
  })
})

describe('a queue with retryByReply', () => {
  it('keeps the next attempt to the other family, and those after it', async () => {
    const families: unknown[] = []
    await using world = await createQueueWorld(
      (_, { family, attempt }) => {
        families.push(family)
        if (attempt === 3) return delivered
        if (attempt === 2) return deferred
        const reply = { code: 550, enhanced: '5.7.1', text: 'IPv6 sending guidelines' }
        return { ...failed, address: '2001:db8::1', reply }
      },
      { retry: retryByReply() },
    )
    await world.send('bob@rome.test')
    await world.clock.advance('1h')
    expect(families).toEqual([undefined, 4, 4])
    expect(world.times('recipient:deferred')).toEqual([0, minute])
    expect(world.events('recipient:delivered')).toHaveLength(1)
  })

  it('returns at once what really is permanent', async () => {
    const reply = { code: 450, text: 'The account has been deleted' }
    await using world = await createQueueWorld(() => ({ ...deferred, reply }), { retry: retryByReply() })
    await world.send('bob@rome.test', '')
    await world.queue.idle()
    expect(world.events('recipient:failed')).toMatchObject([{ expired: false, attempts: 1 }])
  })
})
