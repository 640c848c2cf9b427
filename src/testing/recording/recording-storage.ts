import type { Envelope } from '../../core/envelope.js'
import { readAll } from '../../message/sources.js'
import type { Policy, SmtpSession } from '../../policy/policy.js'
import type { StoredCopy } from '../../storage/mail-storage.js'
import type { QueueStorage } from '../../storage/queue-storage.js'
import { type AcceptBatch, isStoredBlob, type Storage } from '../../storage/storage.js'
import type { KeptMail } from './kept-mail.js'

/** A message of a session, received whole and not yet stored. */
interface Received {
  readonly session: SmtpSession
  readonly envelope: Envelope
  readonly bytes: Buffer
}

/** What {@link createRecorder} tells, and asks. */
interface Recording {
  readonly kept: Pick<KeptMail, 'add'>
  /** Whether what a session is sending belongs to a test that is over. */
  isForgotten(sessionId: string): boolean
}

/** What {@link createRecorder} makes. */
export interface Recorder {
  /** Stands before the storage and notes each message that became durable, before the client hears of it. */
  readonly storage: Storage
  /** The last of the policies: sees the octets as the client sent them. */
  readonly policy: Policy
  /** Forgets messages that came to nothing. */
  forget(traceId: string): void
  /** Resolves once what is being stored is. */
  stored(): Promise<void>
}

/**
 * Records what a server takes in, at the one place that all mail passes: the commit. So what a client was told `250`
 * for is known before the client knows, and bounces, which no client brings, are known as well.
 */
export function createRecorder(inner: Storage, { kept, isForgotten }: Recording): Recorder {
  const received = new Map<string, Received>()
  const storing = new Set<Promise<unknown>>()
  const during = <T>(work: Promise<T>): Promise<T> => {
    const done = () => storing.delete(work)
    storing.add(work)
    work.then(done, done)
    return work
  }
  const note: Note = async batch => {
    const own = received.get(batch.id)
    received.delete(batch.id)
    const { receivedAt } = batch
    if (own) {
      if (isForgotten(own.session.id)) return undefined
      return copies => kept.add({ traceId: batch.id, receivedAt, ...own }, copies)
    }
    const envelope = envelopeOf(batch)
    if (!envelope) return async () => {}
    const bytes = await bytesOf(inner, batch)
    const traceId = batch.id.replace(/^sent-/, '')
    return copies => kept.add({ traceId, receivedAt, envelope, bytes }, copies)
  }
  return {
    storage: recordingStorage(inner, note, during),
    policy: {
      name: 'posthorn/testing',
      message: async (session, envelope, message) => {
        const bytes = await readAll(message)
        if (session.traceId !== undefined) received.set(session.traceId, { session, envelope, bytes })
        return undefined
      },
    },
    forget: traceId => received.delete(traceId),
    stored: async () => void (await Promise.allSettled(storing)),
  }
}

/** Resolves to what tells of a message once it is stored; to nothing for one that nobody is to find. */
type Note = (batch: AcceptBatch) => Promise<Tell | undefined>
type Tell = (copies: readonly StoredCopy[]) => Promise<void>

/** Is told of work as it begins, and hands it on. */
type During = <T>(work: Promise<T>) => Promise<T>

function recordingStorage(inner: Storage, note: Note, during: During): Storage {
  const settle: QueueStorage['settle'] = async settlement => {
    const notes = await Promise.all((settlement.accept ?? []).map(note))
    const result = await inner.queue.settle(settlement)
    if (result.settled)
      for (const [index, { copies }] of result.accepted.entries()) await notes[index]?.(copies)
    return result
  }
  const accept: Storage['accept'] = async batch => {
    const tell = await note(batch)
    // Its client is told that all is well, as it was before the test was over.
    if (!tell)
      return inner.accept({ id: batch.id, message: batch.message, receivedAt: batch.receivedAt, copies: [] })
    const result = await inner.accept(batch)
    await tell(result.copies)
    return result
  }
  return instead(inner, {
    accept: batch => during(accept(batch)),
    queue: instead(inner.queue, { settle: settlement => during(settle(settlement)) }),
  })
}

/** An object with some members in the place of its own. */
function instead<T extends object>(inner: T, members: Partial<T>): T {
  return new Proxy(inner, {
    get(target, name) {
      if (name in members) return members[name as keyof T]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/**
 * The envelope of a message that no session brought, as far as its copies tell. What an app puts into a mailbox by
 * itself has no Return-Path, and did not arrive.
 */
function envelopeOf({ copies, queued }: AcceptBatch): Envelope | undefined {
  const path = copies.map(copy => /^Return-Path: <(.*)>/i.exec(Buffer.from(copy.prefix ?? '').toString()))
  const sender = queued?.envelope.sender ?? path.find(found => found)?.[1]
  if (sender === undefined) return undefined
  const local = copies.map(copy => ({ address: copy.account }))
  return { ...queued?.envelope, sender, recipients: [...local, ...(queued?.recipients ?? [])] }
}

async function bytesOf(storage: Storage, { message }: AcceptBatch): Promise<Buffer> {
  if (!isStoredBlob(message)) return readAll(message)
  const blob = await storage.blobs.open(message.blob)
  return blob ? readAll(blob) : Buffer.alloc(0)
}
