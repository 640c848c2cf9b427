import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type EximRule, eximRules } from '../../../src/queue/retry/exim-rules.js'
import type { RetryContext, RetryPolicy } from '../../../src/queue/retry/retry-policy.js'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const classic = 'F,2h,15m; G,16h,1h,1.5; F,4d,6h'

function contextOf(context: Partial<RetryContext> = {}): RetryContext {
  return {
    attempt: 1,
    queuedAt: 0,
    now: 0,
    outcome: { status: 'deferred', scope: 'host', reason: 'busy', startedAt: 0, endedAt: 0 },
    sender: 'alice@paris.test',
    recipient: 'bob@rome.test',
    destination: 'rome.test',
    warned: true,
    random: 0.5,
    ...context,
  }
}

/** Every attempt of a message that nobody takes, in milliseconds after queueing. */
function attemptsBy(policy: RetryPolicy, context: Partial<RetryContext> = {}): number[] {
  const attempts: number[] = []
  for (let now = 0; attempts.length < 100_000; ) {
    attempts.push(now)
    const decision = policy(contextOf({ ...context, attempt: attempts.length, now }))
    if ('giveUp' in decision) return attempts
    now = decision.retryAt
  }
  throw new Error('never gives up')
}

const firstWait = (policy: RetryPolicy, context: Partial<RetryContext>) => {
  const decision = policy(contextOf(context))
  return 'giveUp' in decision ? decision : decision.retryAt / minute
}

describe('eximRules', () => {
  it('follows the steps of the Exim manual', () => {
    const attempts = attemptsBy(eximRules({ rules: [{ steps: classic }] }))
    const hours = attempts.map(at => at / hour)
    expect(hours.slice(0, 15)).toEqual([
      0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 3, 4.5, 6.75, 10.125, 15.1875, 22.78125,
    ])
    expect(hours.slice(15, -1)).toEqual([...Array(12).keys()].map(n => 28.78125 + 6 * n))
    expect(hours.at(-1)).toBe(96 - 1 / 12)
  })

  it('reads the retry section of a configuration', () => {
    const policy = eximRules({
      rules: `
        # who greylists
        *.slow.test        rcpt_45x                     F,1d,2h30m
        news@paris.test    *                            F,1h,600
        *                  *       senders=:            F,6h,1h
        *                  quota   senders=a@b.test:*@paris.test  F,1d,3h
        closed.test        *
        *                  *                            ${classic}
      `,
    })
    const rcpt = (code: number) =>
      ({
        ...contextOf().outcome,
        command: 'RCPT TO',
        scope: 'recipient',
        reply: { code, text: 'no' },
      }) as const
    expect(firstWait(policy, { recipient: 'a@mx.slow.test', outcome: rcpt(451) })).toBe(150)
    expect(firstWait(policy, { recipient: 'a@mx.slow.test', outcome: rcpt(421) })).toBe(15)
    expect(firstWait(policy, { recipient: 'News@paris.test' })).toBe(10)
    expect(firstWait(policy, { sender: '' })).toBe(60)
    const full = { ...contextOf().outcome, reply: { code: 452, enhanced: '4.2.2', text: 'full' } }
    expect(firstWait(policy, { outcome: full })).toBe(180)
    expect(firstWait(policy, { outcome: full, sender: 'x@oslo.test' })).toBe(15)
    expect(firstWait(policy, { recipient: 'a@closed.test' })).toMatchObject({ giveUp: true, permanent: true })
    expect(firstWait(policy, {})).toBe(15)
  })

  it.each([
    ['refused', { enhanced: '4.4.1', reason: 'cannot connect: connect ECONNREFUSED' }],
    ['refused_A6', { enhanced: '4.4.1', reason: 'connect ECONNREFUSED', address: '2001:db8::1' }],
    ['refused_A4', { enhanced: '4.4.1', reason: 'connect ECONNREFUSED', address: '192.0.2.1' }],
    ['timeout', { enhanced: '4.4.2', reason: 'RCPT took longer than 5 minutes' }],
    ['lost_connection', { enhanced: '4.4.2', reason: 'the connection was lost' }],
    ['timeout', { enhanced: '4.4.1', reason: 'cannot connect to mx.rome.test: connect ETIMEDOUT' }],
    ['timeout_connect', { enhanced: '4.4.1', reason: 'cannot connect to mx.rome.test: connect ETIMEDOUT' }],
    ['timeout_connect', { enhanced: '4.4.2', reason: 'connecting to 192.0.2.1 took longer than 5 minutes' }],
    ['timeout_DNS', { enhanced: '4.4.3' }],
    ['lookup', { enhanced: '4.4.3' }],
    ['tls_required', { enhanced: '4.7.4' }],
    ['auth_failed', { command: 'AUTH' }],
    ['mail_4xx', { command: 'MAIL FROM', reply: { code: 451, text: '' } }],
    ['data_452', { command: 'the message', reply: { code: 452, text: '' } }],
    ['data_4x2', { command: 'DATA', reply: { code: 452, text: '' } }],
    ['quota', { reply: { code: 452, enhanced: '4.2.2', text: '' } }],
    ['lost_connection', { status: 'unknown', enhanced: '4.4.2' }],
  ] as const)('knows the error %s, and not all as one', (error, facts) => {
    const policy = eximRules({ rules: [{ error, steps: 'F,1d,1h' }, { steps: 'F,1d,2h' }] })
    const outcome = { ...contextOf().outcome, ...facts }
    expect(firstWait(policy, { outcome })).toBe(60)
    expect(firstWait(policy, {})).toBe(120)
  })

  it.each([
    ['timeout', { reason: '451 my database: connect ETIMEDOUT', reply: { code: 451, text: 'ETIMEDOUT' } }],
    ['timeout', { enhanced: '4.4.2', reason: 'the connection was lost' }],
    ['timeout_connect', { enhanced: '4.4.2', reason: 'RCPT took longer than 5 minutes' }],
    ['lost_connection', { enhanced: '4.4.2', reason: 'RCPT took longer than 5 minutes' }],
    ['refused', { enhanced: '4.4.1', reason: 'cannot connect: connect EHOSTUNREACH' }],
    ['refused_A4', { enhanced: '4.4.1', reason: 'connect ECONNREFUSED', address: '2001:db8::1' }],
    ['refused_A6', { enhanced: '4.4.1', reason: 'connect ECONNREFUSED', address: '192.0.2.1' }],
    ['rcpt_45x', { command: 'RCPT TO', reply: { code: 421, text: '' } }],
    ['rcpt_4xx', { command: 'MAIL FROM', reply: { code: 421, text: '' } }],
    ['rcpt_4xx', { command: 'RCPT TO', reply: { code: 550, text: '' } }],
    ['quota', { reply: { code: 450, enhanced: '4.2.1', text: '' } }],
  ] as const)('takes nothing else for the error %s: %j', (error, facts) => {
    const policy = eximRules({ rules: [{ error, steps: 'F,1d,1h' }, { steps: 'F,1d,2h' }] })
    expect(firstWait(policy, { outcome: { ...contextOf().outcome, ...facts } })).toBe(120)
  })

  it('reads senders in quotes, with blanks between', () => {
    const rules = '* * senders="a@b.test : *@paris.test" F,1d,3h'
    expect(firstWait(eximRules({ rules }), {})).toBe(180)
    expect(firstWait(eximRules({ rules }), { sender: 'bob@oslo.test' })).toBe(15)
  })

  it.each(['Bücher.test', 'bob@bücher.test', '*.bücher.test', '*@xn--bcher-kva.test', '*cher-kva.test'])(
    'know a domain by its U-labels and by its A-labels: %s',
    recipient => {
      const policy = eximRules({ rules: [{ recipient, steps: 'F,1h,7m' }] })
      const host = recipient.startsWith('*.') ? 'mx.xn--bcher-kva.test' : 'xn--bcher-kva.test'
      expect(firstWait(policy, { recipient: `bob@${host}` })).toBe(7)
      expect(firstWait(policy, {})).toBe(15)
    },
  )

  it.each([
    [0, 0, 60],
    [0, 1, 60],
    [1, 0, 90],
    [1, 1, 120],
    [3, 0, 150],
    [3, 1, 240],
  ])('draws the intervals of H between the first and that of G: %i h old, %i drawn', (age, random, wait) => {
    const decision = eximRules({ rules: [{ steps: 'H,16h,1h,2' }] })(contextOf({ now: age * hour, random }))
    expect(decision).toMatchObject({ retryAt: age * hour + wait * minute })
  })

  it.each(['F,60d,3d', 'G,60d,2d,2', 'H,60d,2d,2', 'G,60d,1h,8'])('waits no longer than a day: %s', steps => {
    const decision = eximRules({ rules: [{ steps }] })(contextOf({ now: 20 * day, random: 0 }))
    expect(decision).toMatchObject({ retryAt: 21 * day })
  })

  it.each(['F', 'G', 'H'])(
    'begins %s anew where the clock was set back before the message was queued',
    kind => {
      const steps = `${kind},16h,1h${kind === 'F' ? '' : ',2'}`
      const decision = eximRules({ rules: [{ steps }] })(contextOf({ queuedAt: 9 * day, now: 0 }))
      expect(decision).toMatchObject({ retryAt: hour })
    },
  )

  it('asks another policy where no rule fits', () => {
    const policy = eximRules({
      rules: [{ recipient: 'oslo.test', steps: 'F,1h,5m' }],
      otherwise: () => ({ retryAt: 7 * minute }),
    })
    expect(firstWait(policy, {})).toBe(7)
  })

  it('waits as long as the other side asked', () => {
    const outcome = { ...contextOf().outcome, retryAfter: 45 * minute }
    expect(firstWait(eximRules({ rules: [{ steps: classic }] }), { outcome })).toBe(45)
  })

  it.each([
    'F,2h',
    'X,2h,1h',
    'F,2h,0s',
    'G,2h,1h',
    'G,2h,1h,0.5',
    'F,2h,15m; F,1h,5m',
    'F,2h,15m; F,2h,5m',
    'F,2 hours,1m',
    'G,2h,1h,1e9',
  ])('refuses the steps %s', steps => {
    expect(() => eximRules({ rules: [{ steps }] })).toThrowError(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
  })

  it.each([
    [{ recipient: '^.*$', steps: classic }],
    [{ recipient: 'a*b.test', steps: classic }],
    [{ recipient: '+relay_to_domains', steps: classic }],
    [{ recipient: '!rome.test', steps: classic }],
    [{ recipient: 'lsearch;/etc/retry', steps: classic }],
    [{ recipient: 'bob@', steps: classic }],
    [{ recipient: '*.', steps: classic }],
    [{ senders: ['"bob@rome.test'], steps: classic }],
    [{ error: 'rcpt_5xx', steps: classic }],
    [{ error: 'whatever', steps: classic }],
    [{ step: classic }],
  ])('refuses the rule %j', rule => {
    expect(() => eximRules({ rules: [rule as EximRule] })).toThrowError(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
  })

  it('only goes forward, is bounded, tries a last time before the end and never after', () => {
    const step = fc.record({
      kind: fc.constantFrom('F', 'G', 'H'),
      length: fc.integer({ min: 600, max: 200_000 }),
      every: fc.integer({ min: 300, max: 40_000 }),
      factor: fc.double({ min: 1, max: 4, noNaN: true }).map(factor => Math.round(factor * 1_000) / 1_000),
    })
    const randoms = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), randoms, (steps, drawn) => {
        let until = 0
        const ends: number[] = []
        const text = steps.map(({ kind, length, every, factor }) => {
          until += length
          ends.push(until * 1_000)
          return `${kind},${until}s,${every}s${kind === 'F' ? '' : `,${factor}`}`
        })
        const policy = eximRules({ rules: [{ steps: text.join('; ') }] })
        const lead = Math.min(5 * minute, until * 100)
        let before: { step?: (typeof steps)[number] | undefined; wait: number } = { wait: 0 }
        let at = 0
        let attempts = 0
        for (; attempts < 10_000; attempts++) {
          const context = contextOf({
            now: at,
            attempt: attempts + 1,
            random: drawn[attempts % drawn.length] ?? 0,
          })
          const decision = policy(context)
          expect(policy(context)).toEqual(decision)
          if ('giveUp' in decision) break
          expect(decision.retryAt).toBeGreaterThan(at)
          expect(decision.retryAt).toBeLessThan(until * 1_000)
          const step = steps[ends.findIndex(end => at < end)]
          const wait = decision.retryAt - at
          const isLast = decision.retryAt + lead >= until * 1_000 - 1
          // Above what the step begins with, and a day at most; but for the last attempt, which has its own time.
          if (!isLast) {
            expect(wait).toBeGreaterThan((step?.every ?? 0) * 1_000 - 1)
            expect(wait).toBeLessThan(day + 1)
            if (step?.kind === 'F') expect(wait).toBeCloseTo(step.every * 1_000, 0)
            if (step?.kind === 'G' && step === before.step)
              expect(wait).toBeGreaterThan(before.wait * 0.999_999)
          }
          before = { step, wait }
          at = decision.retryAt
        }
        expect(at).toBeCloseTo(until * 1_000 - lead, 0)
        expect(attempts).toBeLessThan(10_000)
        for (const late of [until * 1_000, until * 1_000 + day]) {
          expect(policy(contextOf({ now: late }))).toEqual({ giveUp: true })
        }
      }),
      { numRuns: 200 },
    )
  })
})
