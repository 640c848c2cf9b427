import { z } from 'zod'
import { addressKey, tryParseAddress } from '../../core/address.js'
import { tryNormalizeDomain } from '../../core/domain.js'
import { MailError } from '../../core/error.js'
import { isThenable } from '../../core/is-thenable.js'
import { lazy } from '../../core/options.js'
import type { QueuedRecipient } from '../../storage/queue-storage.js'
import type { AcceptBatch } from '../../storage/storage.js'
import { type QueueContext, reportError } from '../queue-context.js'

/** Which mail is held as it is queued; all that is named must fit. */
export interface HoldRule {
  /** An address, or a domain; `''` is the null sender. Default: any. */
  sender?: string
  /** An address, or a domain. Default: any. */
  recipient?: string
}

/** What a hold function is asked. */
export interface HoldQuestion {
  readonly traceId: string
  readonly sender: string
  readonly recipient: string
  /** Of the recipient, in A-labels, or an address literal. */
  readonly destination: string
  /** The account that submitted the message, where one did. */
  readonly submitter?: string
}

/** The schema of what a rule names; its output is in the form that addresses are told apart by. */
export const holdPatternSchema = lazy(() =>
  z
    .string()
    .refine(text => normalPattern(text) !== undefined, {
      error: "expected an address, a domain, or '' for the null sender",
    })
    .transform(text => normalPattern(text) ?? text),
)

function normalPattern(text: string): string | undefined {
  if (!text.includes('@')) return text === '' ? text : tryNormalizeDomain(text)
  const address = tryParseAddress(text)
  return address && addressKey(address)
}

/** The batch with those of its remote recipients held that the rules of the queue hold. What a function throws holds too. */
export function holdByRules(context: QueueContext, batch: AcceptBatch): AcceptBatch {
  const { hold } = context.settings
  const { queued } = batch
  if (!queued || (typeof hold !== 'function' && hold.length === 0)) return batch
  const { traceId, envelope, submitter } = queued
  const known = {
    traceId,
    sender: envelope.sender,
    ...(submitter && { submitter }),
  }
  const isHeld = ({ address, destination }: QueuedRecipient) => {
    const question = { ...known, recipient: address, destination }
    if (typeof hold !== 'function') return hold.some(rule => fits(rule, question))
    try {
      return readAnswer(hold(question))
    } catch (thrown) {
      reportError(context, 'asking what to hold', thrown, traceId)
      return true
    }
  }
  const recipients = queued.recipients.map(one => (isHeld(one) ? { ...one, held: true } : one))
  return { ...batch, queued: { ...queued, recipients } }
}

/** A message is held or not as it is stored: a promise, which would be as good as `true`, cannot be waited for. */
function readAnswer(answer: unknown): boolean {
  if (!isThenable(answer)) return answer === true
  answer.then(undefined, () => {})
  throw new MailError('DRIVER_CONTRACT', 'hold: got a promise, expected true or false')
}

/** Tells of entries that were held as they were queued. */
export function announceHeld({ events }: QueueContext, batch: AcceptBatch, entries: readonly string[]): void {
  const { queued } = batch
  queued?.recipients.forEach(({ held }, index) => {
    const entry = entries[index]
    if (held && entry !== undefined) events.emit('entry:held', { traceId: queued.traceId, entry })
  })
}

function fits(rule: HoldRule, { sender, recipient }: HoldQuestion): boolean {
  return matches(rule.sender, sender) && matches(rule.recipient, recipient)
}

function matches(wanted: string | undefined, address: string): boolean {
  if (wanted === undefined) return true
  const parsed = tryParseAddress(address)
  if (!parsed) return wanted === address
  return wanted === (wanted.includes('@') ? addressKey(parsed) : parsed.domain)
}
