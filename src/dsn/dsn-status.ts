import type { AttemptRecord } from '../storage/queue-storage.js'
import type { DsnKind, DsnRecipient } from './dsn.js'

/** First digits that a status may have, and what stands for a status that is not known (RFC 3463 §3). */
const statuses: Readonly<Record<DsnKind, { classes: string; unknown: string }>> = {
  // A failure keeps the 4 of what was deferred until it was given up: RFC 3463 §3.5 prefers the problem itself to X.4.7.
  failed: { classes: '54', unknown: '5.0.0' },
  delayed: { classes: '4', unknown: '4.0.0' },
  delivered: { classes: '2', unknown: '2.0.0' },
  relayed: { classes: '2', unknown: '2.0.0' },
  expanded: { classes: '2', unknown: '2.0.0' },
}

const wellFormed = /^[245]\.\d{1,3}\.\d{1,3}$/

/**
 * The enhanced status code that a DSN gives a recipient (RFC 3464 §2.3.4): that of the last reply, or what this side
 * knows of the attempt. `4.4.7`, delivery time expired, where nothing else is known of mail that was given up.
 */
export function dsnStatus(kind: DsnKind, { attempt, expired }: DsnRecipient): string {
  const { classes, unknown } = statuses[kind]
  const known = statusOf(attempt)
  if (known !== undefined && classes.includes(known.charAt(0))) return known
  return kind === 'failed' && expired ? '4.4.7' : unknown
}

function statusOf({ reply, enhanced }: AttemptRecord): string | undefined {
  if (!reply) return enhanced !== undefined && wellFormed.test(enhanced) ? enhanced : undefined
  const kind = String(reply.code).charAt(0)
  // The three digits are what the remote server acted on: an enhanced code of another class is set right.
  const detail =
    reply.enhanced !== undefined && wellFormed.test(reply.enhanced) ? reply.enhanced.slice(1) : '.0.0'
  return `${kind}${detail}`
}
