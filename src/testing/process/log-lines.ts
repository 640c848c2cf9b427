import { escapeControls } from '../../core/escape-controls.js'
import { describeReply } from '../../smtp/reply.js'
import type { TestMail } from '../test-mail/test-mail.js'

/** One thing that happened, as the log and the event stream tell it. */
export interface LogEvent {
  /** Epoch milliseconds, on the clock of the server. */
  readonly time: number
  readonly event: string
  readonly [detail: string]: unknown
}

/**
 * Tells `listener` of what people watch for: mail taken by SMTP, arrived (by SMTP, from the API, as a bounce), refused,
 * delivered, returned; logins that failed.
 */
export function watch(mail: TestMail, listener: (event: LogEvent) => void): () => void {
  const { smtp, queue } = mail.server
  const tell = (event: string, details: object) => listener({ time: mail.clock.now(), event, ...details })
  const fate = (event: 'recipient:delivered' | 'recipient:deferred' | 'recipient:failed') =>
    queue.on(event, ({ traceId, sender, recipient, attempt }) =>
      tell(event, {
        traceId,
        sender,
        recipient,
        ...(attempt.reply && { reply: describeReply(attempt.reply) }),
      }),
    )
  const ends = [
    mail.onArrival(({ traceId, number, envelope, bytes }) =>
      tell('message:arrived', {
        traceId,
        number,
        sender: envelope.sender,
        recipients: envelope.recipients.map(({ address }) => address),
        size: bytes.length,
      }),
    ),
    smtp.on('message:accepted', ({ traceId, envelope, size }) =>
      tell('message:accepted', {
        traceId,
        sender: envelope.sender,
        recipients: envelope.recipients.map(({ address }) => address),
        size,
      }),
    ),
    smtp.on('message:rejected', ({ traceId, envelope, reply }) =>
      tell('message:rejected', {
        traceId,
        sender: envelope.sender,
        recipients: envelope.recipients.map(({ address }) => address),
        reply: describeReply(reply),
      }),
    ),
    smtp.on('recipient:rejected', ({ traceId, sender, recipient, reply }) =>
      tell('recipient:rejected', { traceId, sender, recipient, reply: describeReply(reply) }),
    ),
    smtp.on('auth:failed', ({ traceId, username, mechanism }) =>
      tell('auth:failed', { traceId, username, mechanism }),
    ),
    fate('recipient:delivered'),
    fate('recipient:deferred'),
    fate('recipient:failed'),
    queue.on('dsn:sent', ({ traceId, kind, to, recipients }) =>
      tell('dsn:sent', { traceId, kind, to, recipients }),
    ),
  ]
  return () => {
    for (const end of ends) end()
  }
}

/**
 * An event on one line, for people: `12:00:01 message:accepted a@x.test -> b@y.test (1204 octets)`. What has no sender is
 * told as it is.
 */
export function readableLine({ time, event, ...details }: LogEvent): string {
  const { sender, recipient, recipients, reply, size } = details
  const parts = [new Date(time).toISOString().slice(11, 19), event]
  if (sender === undefined) return escapeControls([...parts, JSON.stringify(details)].join(' '))
  const to = Array.isArray(recipients) ? recipients.join(', ') : recipient
  parts.push(`${sender === '' ? '<>' : sender} -> ${to}`)
  if (size !== undefined) parts.push(`(${size} octets)`)
  if (reply !== undefined) parts.push(`: ${reply}`)
  return escapeControls(parts.join(' '))
}
