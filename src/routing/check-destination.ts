import type { Destination, Quota } from '../accounts/accounts.js'
import { MailError } from '../core/error.js'
import { replies } from '../smtp/reply.js'

/**
 * What an accounts driver answered, once it is sure to be what its contract says; `null`, which databases like, counts
 * as nothing found.
 * @throws MailError `DRIVER_CONTRACT`, temporary, naming what was got.
 */
export function checkDestination(call: () => string, answer: unknown): Destination | undefined {
  if (answer === undefined || answer === null) return undefined
  if (isDestination(answer)) return answer
  throw brokenContract(
    call(),
    answer,
    "{ account: 'alice' }, { addresses: ['alice@example.test'] } or undefined",
  )
}

/** The error for an answer that no contract allows; the client is told to come back later. */
export function brokenContract(call: string, answer: unknown, expected: string): MailError {
  return new MailError('DRIVER_CONTRACT', `${call}: got ${describe(answer)}, expected ${expected}`, {
    temporary: true,
    reply: replies.localError,
  })
}

function isDestination(answer: unknown): answer is Destination {
  if (typeof answer !== 'object' || answer === null) return false
  const { account, addresses, mailbox, quota } = answer as Record<string, unknown>
  if (addresses !== undefined) {
    return (
      account === undefined && Array.isArray(addresses) && addresses.every(item => typeof item === 'string')
    )
  }
  return (
    isName(account) && (mailbox === undefined || isName(mailbox)) && (quota === undefined || isQuota(quota))
  )
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isQuota(value: unknown): value is Quota {
  if (typeof value !== 'object' || value === null) return false
  const { bytes, messages } = value as Record<string, unknown>
  return [bytes, messages].every(limit => limit === undefined || (typeof limit === 'number' && limit >= 0))
}

function describe(answer: unknown): string {
  if (typeof answer !== 'object' || answer === null) return JSON.stringify(answer) ?? `a ${typeof answer}`
  return `an object with ${
    Object.keys(answer)
      .slice(0, 10)
      .map(key => JSON.stringify(key))
      .join(', ') || 'no fields'
  }`
}
