import { isIPv4, isIPv6 } from 'node:net'
import { z } from 'zod'
import { tryNormalizeDomainPattern } from '../../core/domain.js'
import type { Duration } from '../../core/duration.js'
import { durationSchema, functionSchema, lazy, parseOptions } from '../../core/options.js'
import { describeReply } from '../../smtp/reply.js'
import type { AttemptRecord } from '../../storage/queue-storage.js'
import { commonReplyRules } from './common-reply-rules.js'
import { exponentialBackoff } from './exponential-backoff.js'
import type { ReconsideringRetryPolicy, RetryContext, RetryDecision, RetryPolicy } from './retry-policy.js'

/** Options of `retryByReply`. */
export interface RetryByReplyOptions {
  /** The first rule that fits decides. Default: {@link commonReplyRules}. */
  rules?: readonly ReplyRule[]
  /** Says when to try again, and decides where no rule fits. Default: `exponentialBackoff()`. */
  policy?: RetryPolicy
}

/** What the reply of a server is taken to mean. All that is named must fit. */
export interface ReplyRule {
  /** Three digits, `x` for any: `'421'`, `'45x'`, `'5xx'`. Default: any. */
  code?: string
  /** Of the whole reply, its enhanced status code before the text, at most 1,000 characters. Default: any. */
  text?: RegExp
  /** A domain of recipients, `*.` before it for those below it. Default: any. */
  domain?: string
  /**
   * `'fail'`: really permanent, whatever the code. `'retry'`: really temporary. `'slow-down'`: temporary, and not
   * before `wait`, and less at once for its site. `'other-family'`: of a server spoken to over IPv6, to be tried over IPv4, or the other way round,
   * once, after `wait`.
   */
  means: 'fail' | 'retry' | 'slow-down' | 'other-family'
  /** Default: an hour for `'slow-down'`, a minute for `'other-family'`. */
  wait?: Duration
}

const schema = lazy(() =>
  z.strictObject({
    rules: z
      .array(
        z.strictObject({
          code: z
            .string()
            .regex(/^[45x][0-9x]{2}$/, { error: "expected three digits or x, such as '45x'" })
            .optional(),
          text: z.instanceof(RegExp).optional(),
          domain: z
            .string()
            .refine(text => tryNormalizeDomainPattern(text) !== undefined, {
              error: "expected a domain, or '*.' and a domain",
            })
            .transform(text => tryNormalizeDomainPattern(text) ?? text)
            .optional(),
          means: z.enum(['fail', 'retry', 'slow-down', 'other-family']),
          wait: durationSchema.optional(),
        }),
      )
      .default(() => [...commonReplyRules] as never),
    policy: functionSchema<RetryPolicy>('a retry policy').default(() => exponentialBackoff()),
  }),
)

type Rule = z.output<ReturnType<typeof schema>>['rules'][number]

const anHour = 3_600_000
const aMinute = 60_000
const longestText = 1_000

/**
 * A policy around another that reads what the server said: some mean a refusal by a temporary code, some the reverse.
 * @throws MailError `OPTION_INVALID`.
 */
export function retryByReply(options: RetryByReplyOptions = {}): ReconsideringRetryPolicy {
  const { rules, policy } = parseOptions('retryByReply', schema(), options)
  const find = (context: RetryContext) => rules.find(rule => fits(rule, context))
  const decide = (context: RetryContext) => {
    const rule = find(context)
    return rule ? apply(rule, policy, context) : undefined
  }
  return Object.assign((context: RetryContext): RetryDecision => decide(context) ?? policy(context), {
    reconsider(context: RetryContext): RetryDecision | undefined {
      const decision = decide(context)
      return decision && 'giveUp' in decision ? undefined : decision
    },
  })
}

function fits({ code, text, domain }: Rule, { outcome, destination }: RetryContext): boolean {
  const { reply } = outcome
  if (!reply) return false
  if (code !== undefined && !matchesCode(code, reply.code)) return false
  if (domain !== undefined && !matchesDomain(domain, destination)) return false
  if (!text) return true
  text.lastIndex = 0
  return text.test(describeReply(reply).slice(0, longestText))
}

function matchesCode(pattern: string, code: number): boolean {
  const digits = String(code)
  return [...pattern].every((wanted, index) => wanted === 'x' || wanted === digits[index])
}

function matchesDomain(wanted: string, destination: string): boolean {
  return wanted.startsWith('*.') ? destination.endsWith(wanted.slice(1)) : destination === wanted
}

/** `undefined` where the rule has nothing (more) to say. */
function apply({ means, wait }: Rule, policy: RetryPolicy, context: RetryContext): RetryDecision | undefined {
  switch (means) {
    case 'fail':
      return { giveUp: true, permanent: true, reason: 'the reply means a permanent failure' }
    case 'retry':
      return policy(deferred(context))
    case 'slow-down':
      return slower(policy(deferred(context, { retryAfter: longerWait(context, wait ?? anHour) })))
    case 'other-family':
      return changeFamily(policy(deferred(context)), context, wait ?? aMinute)
  }
}

/** The context as the policy inside is to see it: of something temporary. */
function deferred(context: RetryContext, changes: Partial<AttemptRecord> = {}): RetryContext {
  return { ...context, outcome: { ...context.outcome, status: 'deferred', ...changes } }
}

function longerWait({ outcome }: RetryContext, wait: number): number {
  return Math.max(outcome.retryAfter ?? 0, wait)
}

function slower(decision: RetryDecision): RetryDecision {
  return 'giveUp' in decision ? decision : { ...decision, pace: 'slow-down' }
}

/** Once: a server that says the same over the other family means it. */
function changeFamily(
  decision: RetryDecision,
  { outcome, family, now }: RetryContext,
  wait: number,
): RetryDecision | undefined {
  const { address = '' } = outcome
  const other = isIPv6(address) ? 4 : isIPv4(address) ? 6 : undefined
  if (family !== undefined || other === undefined) return undefined
  if ('giveUp' in decision) return decision
  return { ...decision, retryAt: Math.min(decision.retryAt, now + Math.max(wait, 1)), family: other }
}
