import type { Meter } from '@opentelemetry/api'
import type { Events } from '../core/events.js'
import type { Pop3ServerEvents } from '../pop3/events.js'
import { OpenSessions } from './open-sessions.js'

/** Counts what a POP3 server does. Returns what ends it. */
export function meterPop3(pop3: Events<Pop3ServerEvents>, meter: Meter): (() => void)[] {
  const sessions = new OpenSessions(
    meter.createUpDownCounter('posthorn.pop3.sessions', { unit: '{session}' }),
  )
  const ended = meter.createCounter('posthorn.pop3.sessions.ended', { unit: '{session}' })
  const refused = meter.createCounter('posthorn.pop3.sessions.refused', { unit: '{session}' })
  const logins = meter.createCounter('posthorn.pop3.logins', { unit: '{login}' })
  const retrieved = meter.createCounter('posthorn.pop3.messages.retrieved', { unit: '{message}' })
  const deleted = meter.createCounter('posthorn.pop3.messages.deleted', { unit: '{message}' })
  const errors = meter.createCounter('posthorn.pop3.errors', { unit: '{error}' })
  return [
    pop3.on('session:opened', ({ traceId }) => sessions.opened(traceId)),
    pop3.on('session:closed', ({ traceId, reason }) => {
      sessions.closed(traceId)
      ended.add(1, { 'posthorn.reason': reason })
    }),
    pop3.on('session:refused', ({ limit }) => refused.add(1, { 'posthorn.limit': limit })),
    pop3.on('session:authenticated', () => logins.add(1, { 'posthorn.outcome': 'accepted' })),
    pop3.on('auth:failed', ({ reason }) => logins.add(1, { 'posthorn.outcome': reason })),
    pop3.on('message:retrieved', ({ part }) => retrieved.add(1, { 'posthorn.part': part })),
    pop3.on('messages:deleted', ({ uids }) => deleted.add(uids.length)),
    pop3.on('handler:failed', ({ handler }) => errors.add(1, { 'posthorn.handler': handler })),
    () => sessions.stop(),
  ]
}
