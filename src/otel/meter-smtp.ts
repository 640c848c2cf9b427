import type { Meter } from '@opentelemetry/api'
import type { Events } from '../core/events.js'
import type {
  MessageAccepted,
  MessageRejected,
  SessionEvent,
  SmtpServerEvents,
} from '../smtp-server/events.js'
import { buckets } from './buckets.js'
import { OpenSessions } from './open-sessions.js'
import { seconds } from './seconds.js'
import { tlsVersion } from './tls-version.js'

type Smtp = Events<SmtpServerEvents>

/** Counts what an SMTP server does. Returns what ends it. */
export function meterSmtp(smtp: Smtp, meter: Meter): (() => void)[] {
  return [...countSessions(smtp, meter), ...countLogins(smtp, meter), ...countMessages(smtp, meter)]
}

function countSessions(smtp: Smtp, meter: Meter): (() => void)[] {
  const sessions = new OpenSessions(
    meter.createUpDownCounter('posthorn.smtp.sessions', { unit: '{session}' }),
  )
  const refused = meter.createCounter('posthorn.smtp.sessions.refused', { unit: '{session}' })
  const times = { unit: 's', advice: buckets.duration }
  const duration = meter.createHistogram('posthorn.smtp.session.duration', times)
  const secured = meter.createCounter('posthorn.smtp.sessions.secured', { unit: '{session}' })
  const errors = meter.createCounter('posthorn.smtp.errors', { unit: '{error}' })
  return [
    smtp.on('session:opened', session => sessions.opened(session.sessionId, kindOf(session))),
    smtp.on('session:refused', session =>
      refused.add(1, { ...kindOf(session), 'posthorn.reason': session.reason }),
    ),
    smtp.on('session:secured', session =>
      secured.add(1, { ...kindOf(session), 'tls.protocol.version': tlsVersion(session.version) }),
    ),
    smtp.on('session:closed', session => {
      // A client that is turned away before its greeting closes what never opened.
      if (!sessions.closed(session.sessionId)) return
      duration.record(session.duration / 1_000, { ...kindOf(session), 'posthorn.reason': session.reason })
    }),
    smtp.on('handler:failed', ({ handler }) => errors.add(1, { 'posthorn.handler': handler })),
    () => sessions.stop(),
  ]
}

function countLogins(smtp: Smtp, meter: Meter): (() => void)[] {
  const logins = meter.createCounter('posthorn.smtp.logins', { unit: '{login}' })
  return [
    smtp.on('session:authenticated', session =>
      logins.add(1, { ...kindOf(session), 'posthorn.outcome': 'accepted' }),
    ),
    smtp.on('auth:failed', session => {
      const outcome = session.throttled ? 'throttled' : 'refused'
      logins.add(1, { ...kindOf(session), 'posthorn.outcome': outcome })
    }),
  ]
}

function countMessages(smtp: Smtp, meter: Meter): (() => void)[] {
  const messages = meter.createCounter('posthorn.smtp.messages', { unit: '{message}' })
  const size = meter.createHistogram('posthorn.smtp.message.size', { unit: 'By', advice: buckets.size })
  const times = { unit: 's', advice: buckets.duration }
  const duration = meter.createHistogram('posthorn.smtp.message.duration', times)
  const recipients = meter.createCounter('posthorn.smtp.recipients.rejected', { unit: '{recipient}' })
  const count = (message: MessageAccepted | MessageRejected) => {
    const code = 'reply' in message ? message.reply.code : 250
    const attributes = { ...kindOf(message), 'posthorn.reply.code': code }
    messages.add(1, attributes)
    duration.record(seconds(message.times.dataAt, message.times.endedAt), attributes)
  }
  return [
    smtp.on('message:accepted', count),
    smtp.on('message:accepted', message => size.record(message.size, kindOf(message))),
    smtp.on('message:rejected', count),
    smtp.on('recipient:rejected', session =>
      recipients.add(1, { ...kindOf(session), 'posthorn.reply.code': session.reply.code }),
    ),
  ]
}

function kindOf({ kind }: SessionEvent) {
  return { 'posthorn.smtp.kind': kind }
}
