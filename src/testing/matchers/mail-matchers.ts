import { describeError } from '../../core/error.js'
import type { TestMessage } from '../messages/test-message.js'
import type { MessageMatch } from '../waiting/criteria.js'
import type { Inbox, WaitOptions } from '../waiting/inbox.js'
import { describeCriteria } from '../waiting/match-message.js'
import { describeMessage } from '../waiting/server-report.js'

/** What a matcher tells `expect`. */
export interface MatcherResult {
  readonly pass: boolean
  /** What to print. */
  readonly message: () => string
}

/**
 * Matchers for `expect` of Vitest, Jest and Playwright Test: `expect.extend(mailMatchers)`.
 *
 * - `await expect(mail).toHaveReceived({ to, subject }, options?)` waits as `waitForMessage` does; with `.not` as
 *   `expectNone`.
 * - `await expect(message).toPassDmarc()`: by the records in `mail.dns`.
 * - `expect(message).toHaveLink('/reset')`: a part of a link's address or text, or a pattern.
 */
export const mailMatchers = {
  /** Waits for a message. */
  toHaveReceived,
  /** Judges a message. */
  toPassDmarc,
  /** Looks for a link. */
  toHaveLink,
}

/** The matchers as methods of `expect(…)`, for the module augmentation that a test runner wants. */
export interface MailMatchers<Result = unknown> {
  /** @see mailMatchers */
  toHaveReceived(match?: MessageMatch, options?: WaitOptions): Promise<Result>
  /** @see mailMatchers */
  toPassDmarc(): Promise<Result>
  /** @see mailMatchers */
  toHaveLink(match: string | RegExp): Result
}

async function toHaveReceived(
  this: { isNot?: boolean } | undefined,
  mail: Inbox,
  match: MessageMatch = {},
  options: WaitOptions = {},
): Promise<MatcherResult> {
  try {
    if (this?.isNot) await mail.expectNone(match, options)
    else {
      const found = await mail.waitForMessage(match, options)
      return { pass: true, message: () => `expected no such message, got ${describeMessage(found)}` }
    }
  } catch (error) {
    return { pass: Boolean(this?.isNot), message: () => describeError(error) }
  }
  return { pass: false, message: () => `expected a message with ${describeCriteria(match)}` }
}

async function toPassDmarc(message: TestMessage): Promise<MatcherResult> {
  const { spf, dkim, dmarc } = await message.verdicts()
  const signatures = dkim.map(({ domain, selector, result, reason }) =>
    `  DKIM ${selector}._domainkey.${domain}: ${result} ${reason}`.trimEnd(),
  )
  const lines = [
    `DMARC of ${dmarc.domain || 'no domain'}: ${dmarc.result} ${dmarc.reason}`.trimEnd(),
    `  SPF of ${spf.domain || 'no domain'}: ${spf.result}${dmarc.aligned.spf ? ', aligned' : ''} ${spf.reason}`.trimEnd(),
    ...(signatures.length > 0 ? signatures : ['  DKIM: not signed']),
  ]
  return { pass: dmarc.result === 'pass', message: () => lines.join('\n') }
}

function toHaveLink(message: TestMessage, match: string | RegExp): MatcherResult {
  try {
    const { url } = message.link(match)
    return { pass: true, message: () => `expected no link that fits ${String(match)}, got ${url}` }
  } catch (error) {
    return { pass: false, message: () => describeError(error) }
  }
}
