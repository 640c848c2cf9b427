import { z } from 'zod'
import { MailError } from '../../core/error.js'
import { functionSchema, lazy, parseOptions } from '../../core/options.js'
import { type AddressTest, type ErrorTest, readError, readPattern } from './exim-conditions.js'
import { type EximStep, eximInterval, readEximSteps } from './exim-steps.js'
import { retryWithin } from './expiry.js'
import { exponentialBackoff } from './exponential-backoff.js'
import { type ExpiryOptions, expiryFields } from './options.js'
import type { RetryContext, RetryDecision, RetryPolicy } from './retry-policy.js'

/** Options of `eximRules`. */
export interface EximRulesOptions extends Omit<ExpiryOptions, 'giveUpAfter'> {
  /**
   * The first rule that fits decides. As data, or as the retry section of an Exim configuration: a line a rule, `#`
   * before comments, `pattern error [senders=address:address] steps`. Regular expressions, lookups, named lists and
   * negations are not read.
   */
  rules: string | readonly EximRule[]
  /** What decides where no rule fits. Default: `exponentialBackoff()`. (Exim returns such mail at once.) */
  otherwise?: RetryPolicy
}

/** One rule. */
export interface EximRule {
  /** Of the recipient: `*`, `example.test`, `*.example.test`, `user@example.test`. Default: `*`. */
  recipient?: string
  /** Such as `*`, `refused`, `timeout`, `timeout_connect`, `lost_connection`, `quota`, `rcpt_4xx`. Default: `*`. */
  error?: string
  /** Patterns, one of which the sender must fit; `''` is the null sender. Default: all senders. */
  senders?: readonly string[]
  /**
   * `F,2h,15m; G,16h,1h,1.5; F,4d,6h`: every 15 minutes for 2 hours; then, until 16 hours, at intervals that begin with
   * an hour and grow by half; then every 6 hours until 4 days, when the message returns. Ages count from queueing, no
   * interval is longer than a day. An empty text returns the message at once.
   */
  steps: string
}

const schema = lazy(() =>
  z.strictObject({
    warnAfter: expiryFields().warnAfter,
    lastAttempt: expiryFields().lastAttempt,
    rules: z.union([
      z.string(),
      z.array(
        z.strictObject({
          recipient: z.string().default('*'),
          error: z.string().default('*'),
          senders: z.array(z.string()).optional(),
          steps: z.string(),
        }),
      ),
    ]),
    otherwise: functionSchema<RetryPolicy>('a retry policy').default(() => exponentialBackoff()),
  }),
)

interface GivenRule {
  readonly recipient: string
  readonly error: string
  readonly senders?: readonly string[] | undefined
  readonly steps: string
}

interface CompiledRule {
  readonly recipient: AddressTest
  readonly error: ErrorTest
  readonly senders: readonly AddressTest[] | undefined
  readonly steps: readonly EximStep[]
}

/**
 * Retry rules as Exim has them, by domain, error and sender.
 * @throws MailError `OPTION_INVALID`.
 */
export function eximRules(options: EximRulesOptions): RetryPolicy {
  const { rules, otherwise, warnAfter, lastAttempt } = parseOptions('eximRules', schema(), options)
  const given: readonly GivenRule[] = typeof rules === 'string' ? readRules(rules) : rules
  const compiled = given.map(compile)
  return context => {
    const rule = compiled.find(one => fits(one, context))
    if (!rule) return otherwise(context)
    const giveUpAfter = rule.steps.at(-1)?.until ?? 0
    return follow(rule, context, { warnAfter, lastAttempt, giveUpAfter })
  }
}

function follow(
  { steps }: CompiledRule,
  context: RetryContext,
  expiry: Parameters<typeof retryWithin>[0],
): RetryDecision {
  if (steps.length === 0) return { giveUp: true, permanent: true, reason: 'the retry rule has no attempts' }
  const interval = eximInterval(steps, context.now - context.queuedAt, context.random)
  return interval === undefined ? { giveUp: true } : retryWithin(expiry, context, interval)
}

function fits(rule: CompiledRule, { recipient, sender, outcome }: RetryContext): boolean {
  return (
    rule.recipient(recipient) &&
    rule.error(outcome) &&
    (rule.senders === undefined || rule.senders.some(test => test(sender)))
  )
}

function compile({ recipient, error, senders, steps }: GivenRule): CompiledRule {
  return {
    recipient: readPattern(recipient),
    error: readError(error),
    senders: senders?.map(readPattern),
    steps: readEximSteps(steps),
  }
}

function readRules(text: string): GivenRule[] {
  return text
    .split(/\r?\n/)
    .map(line => line.replace(/#.*$/, '').trim())
    .filter(line => line !== '')
    .map(readRule)
}

function readRule(line: string): GivenRule {
  const [, recipient, error, senders, steps = ''] =
    /^(\S+)\s+([\w*]+)(?:\s+senders=("[^"]*"|\S*))?(?:\s+([FGH],.*))?$/.exec(line) ?? []
  if (recipient === undefined || error === undefined) {
    const got = JSON.stringify(line.slice(0, 200))
    throw new MailError('OPTION_INVALID', `eximRules: rules: expected 'pattern error steps', got ${got}`)
  }
  return { recipient, error, steps, senders: senders === undefined ? undefined : readSenders(senders) }
}

/** Exim writes the null sender as an empty item: `senders=:`, and a list with blanks in quotes. */
function readSenders(text: string): string[] {
  const items = text
    .replace(/^"(.*)"$/, '$1')
    .split(':')
    .map(item => item.trim())
  return items.at(-1) === '' && items.length > 1 ? items.slice(0, -1) : items
}
