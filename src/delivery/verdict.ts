import { describeError, MailError, type MailErrorCode } from '../core/error.js'
import { escapeControls } from '../core/logger.js'
import type { Reply } from '../core/reply.js'
import { cleanText, describeReply } from '../smtp/reply.js'
import type { RecipientOutcome } from './transport.js'

/**
 * What came of an attempt for a recipient, or for all of them, before it is known at which host. Errors are told apart
 * as Exim tells them: a `host` error says nothing about the message, so the next host is asked; a `message` or
 * `recipient` error is this host's answer, and final for the attempt.
 */
export type Verdict = Pick<
  RecipientOutcome,
  'status' | 'scope' | 'reply' | 'enhanced' | 'reason' | 'dsnPassedOn' | 'final' | 'retryAfter' | 'command'
>

const longestReason = 1000
const mostReplyLines = 20

/** The verdict that a reply speaks: 2xx delivered, 4xx deferred, 5xx failed. `to` names the command it answers. */
export function replyVerdict(answer: Reply, scope: Verdict['scope'], to: string): Verdict {
  const reply = boundedReply(answer)
  const kind = Math.floor(reply.code / 100)
  if (kind === 2) return { status: 'delivered', scope, reply, reason: shorten(describeReply(reply)) }
  const reason = shorten(`${describeReply(reply)} (in reply to ${to})`)
  if (kind === 4 || kind === 5)
    return { status: kind === 4 ? 'deferred' : 'failed', scope, reply, command: to, reason }
  return { status: 'deferred', scope, reply, enhanced: '4.5.0', reason: `unexpected reply: ${reason}` }
}

/**
 * A host that does not want to talk. A 5xx counts as temporary here, as it says nothing about the message: Postfix does
 * the same (`smtp_skip_5xx_greeting`), and asks the next host.
 */
export function refusedVerdict(answer: Reply, to: string): Verdict {
  return { ...replyVerdict(answer, 'host', to), status: 'deferred' }
}

/** A failure of the conversation itself. */
export function errorVerdict(thrown: unknown): Verdict {
  const code = thrown instanceof MailError ? thrown.code : undefined
  const known = code === undefined ? undefined : hostErrors.get(code)
  const reason = shorten(escapeControls(describeError(thrown)))
  if (known) return { status: 'deferred', scope: 'host', enhanced: known, reason }
  return { status: 'deferred', scope: 'local', enhanced: '4.3.0', reason }
}

const hostErrors: ReadonlyMap<MailErrorCode, string> = new Map([
  ['CONNECT_FAILED', '4.4.1'],
  ['CONNECTION_LOST', '4.4.2'],
  ['TIMEOUT', '4.4.2'],
  ['PROTOCOL', '4.5.0'],
])

/** The connection died after the final dot: nobody but the server knows whether it took the message. */
export function unknownVerdict(thrown: unknown): Verdict {
  const why = shorten(escapeControls(describeError(thrown)))
  return { status: 'unknown', scope: 'host', enhanced: '4.4.2', reason: `no answer to the message: ${why}` }
}

/** A verdict of this side. */
export function localVerdict(
  status: 'deferred' | 'failed',
  scope: Verdict['scope'],
  enhanced: string,
  reason: string,
): Verdict {
  return { status, scope, enhanced, reason: shorten(escapeControls(reason)) }
}

/** A remote reply, small enough to be kept with every attempt. */
function boundedReply(answer: Reply): Reply {
  if (typeof answer.text === 'string') return { ...answer, text: shorten(cleanText(answer.text)) }
  return { ...answer, text: answer.text.slice(0, mostReplyLines).map(line => cleanText(line).slice(0, 500)) }
}

function shorten(text: string): string {
  return text.length > longestReason ? `${text.slice(0, longestReason - 1)}…` : text
}
