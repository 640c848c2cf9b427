import assert from 'node:assert/strict'
import type { MessageSource } from '../../message/message-source.js'
import { bytesSource } from '../../message/sources.js'
import type { MailboxRecord } from '../../storage/mail-storage.js'
import type { AttemptRecord, LeasedEntry, QueuedMessage, SettledEntry } from '../../storage/queue-storage.js'
import type { AcceptBatch, AcceptResult, Storage } from '../../storage/storage.js'

/** The instant the tests begin at. */
export const start = Date.UTC(2026, 0, 1)

export const letter = 'From: ann@example.test\r\nSubject: hello\r\n\r\nHello there.\r\n'

let lastBatch = 0

/** A batch with an id of its own; with nothing to store but what `parts` says. */
export function sampleBatch(parts: Partial<AcceptBatch> = {}): AcceptBatch {
  return {
    id: `batch-${++lastBatch}`,
    message: bytesSource(letter),
    receivedAt: start,
    copies: [],
    ...parts,
  }
}

/** Stores one message in a mailbox. */
export function put(
  storage: Storage,
  account: string,
  mailbox = 'INBOX',
  flags: readonly string[] = [],
): Promise<AcceptResult> {
  return storage.accept(sampleBatch({ copies: [{ account, mailbox, flags, internalDate: start }] }))
}

/** Recipients to queue, due at `dueAt` each. */
export function sampleQueued(
  recipients: readonly { address: string; dueAt?: number; destination?: string; held?: boolean }[],
): QueuedMessage {
  return {
    traceId: `trace-${lastBatch}`,
    envelope: { sender: 'ann@example.test', body: '8bitmime', envid: 'QQ314159' },
    recipients: recipients.map(({ address, dueAt = start, destination, held }) => ({
      address,
      notify: ['failure', 'delay'],
      originalRecipient: `rfc822;${address}`,
      destination: destination ?? address.slice(address.lastIndexOf('@') + 1),
      dueAt,
      ...(held !== undefined && { held }),
    })),
  }
}

/** Queues recipients of one message; gives the ids of their entries. */
export async function enqueue(
  storage: Storage,
  ...recipients: Parameters<typeof sampleQueued>[0]
): Promise<readonly string[]> {
  const batch = sampleBatch()
  return (await storage.accept({ ...batch, queued: sampleQueued(recipients) })).entries
}

export const failedAttempt: AttemptRecord = {
  startedAt: start,
  endedAt: start + 1_000,
  status: 'deferred',
  scope: 'host',
  host: 'mx.other.test',
  address: '192.0.2.1',
  reply: { code: 451, enhanced: '4.3.0', text: ['try', 'later'] },
  reason: 'mx.other.test said 451',
}

/** A settlement of a leased entry. */
export function settled({ id, token }: LeasedEntry, next: SettledEntry['next']): SettledEntry {
  return { id, token, attempt: failedAttempt, next }
}

/** The record of a mailbox that must be there. */
export async function mailboxOf(storage: Storage, account: string, name = 'INBOX'): Promise<MailboxRecord> {
  const record = await storage.mail.mailbox(account, name)
  assert.ok(record, `mailbox ${name} of ${account} exists`)
  return record
}

/** Leases what is due. */
export function lease(
  storage: Storage,
  now: number,
  limit = 100,
  expiresAt = now + 60_000,
): Promise<LeasedEntry[]> {
  return storage.queue.lease({ now, expiresAt, limit })
}

/** A source that is not in memory as one piece, in chunks of `step` octets from one buffer that is used again. */
export function streamedSource(bytes: Uint8Array, step = 1_000): MessageSource {
  return {
    size: bytes.length,
    async *open({ start = 0, end = bytes.length } = {}) {
      const buffer = new Uint8Array(step)
      for (let at = start; at < end; at += step) {
        const part = bytes.subarray(at, Math.min(at + step, end))
        buffer.set(part)
        yield buffer.subarray(0, part.length)
      }
    },
  }
}

/** A source that fails half-way. */
export function failingSource(bytes: Uint8Array): MessageSource {
  return {
    size: bytes.length,
    async *open() {
      yield bytes.subarray(0, bytes.length >> 1)
      throw new Error('the disk went away')
    },
  }
}

/** Bytes of every value, `size` of them, that differ from place to place. */
export function patternBytes(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 255)
}

/** All bytes a source gives for a range. */
export async function bytesOf(
  source: MessageSource | undefined,
  range?: { start?: number; end?: number },
): Promise<Buffer> {
  assert.ok(source, 'the blob exists')
  const chunks: Uint8Array[] = []
  for await (const chunk of source.open(range)) chunks.push(new Uint8Array(chunk))
  return Buffer.concat(chunks)
}
