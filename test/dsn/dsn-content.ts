import type { DsnContent, DsnRecipient } from '../../src/dsn/dsn.js'
import { bytesSource } from '../../src/message/sources.js'
import type { AttemptRecord } from '../../src/storage/queue-storage.js'

const arrivedAt = Date.UTC(2026, 0, 1, 8)
const hour = 3_600_000

/** The message most DSNs of these tests are about. */
export const original = [
  'Received: from a.test by mx.example.test; Thu, 1 Jan 2026 08:00:00 +0000',
  'From: Alice <alice@example.test>',
  'To: bob@elsewhere.test',
  'Subject: Our plans',
  'Message-ID: <plans@example.test>',
  'References: <first@example.test> <second@example.test>',
  '',
  'Shall we?',
  '--=_not-the-boundary--',
  '',
].join('\r\n')

/** An attempt that a server refused. */
export function attempt(changes: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    startedAt: arrivedAt + hour,
    endedAt: arrivedAt + hour + 2_000,
    status: 'failed',
    scope: 'recipient',
    host: 'mx.elsewhere.test',
    address: '192.0.2.7',
    reply: { code: 550, enhanced: '5.1.1', text: 'No such user' },
    reason: 'mx.elsewhere.test refused the recipient',
    ...changes,
  }
}

/** An attempt that reached nobody. */
export function silentAttempt(changes: Partial<AttemptRecord> = {}): AttemptRecord {
  const { reply: _, ...silent } = attempt()
  return {
    ...silent,
    status: 'deferred',
    scope: 'host',
    reason: 'connect to 192.0.2.7:25 timed out',
    ...changes,
  }
}

export function told(changes: Partial<DsnRecipient> = {}): DsnRecipient {
  return { recipient: { address: 'bob@elsewhere.test' }, attempt: attempt(), ...changes }
}

export function content(changes: Partial<DsnContent> = {}): DsnContent {
  return {
    kind: 'failed',
    hostname: 'mx.example.test',
    to: 'alice@example.test',
    traceId: 'dsntrace',
    now: arrivedAt + 30 * hour,
    arrivedAt,
    ret: 'full',
    recipients: [told()],
    message: bytesSource(original),
    smtputf8: false,
    ...changes,
  }
}
