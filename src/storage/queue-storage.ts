import type { Envelope, EnvelopeRecipient } from '../core/envelope.js'
import type { Reply } from '../core/reply.js'
import type { NewRecord } from './record-storage.js'
import type { AcceptBatch, AcceptResult, BlobId } from './storage.js'

/**
 * The queue of outgoing mail. An entry is one recipient of one message; entries of a message share its
 * envelope and its blob. An entry leaves only delivered, given up on (with its DSN in the same commit) or
 * dropped by the operator.
 */
export interface QueueStorage {
  /**
   * Leases entries that are due: `waiting` with `dueAt <= now`, and `leased` ones whose lease expired. In the
   * order of `dueAt`. Leasing records an attempt before anything is dialled: `attempts` grows by one, and if
   * the process dies, the entry is next due when the lease runs out. Due entries of the same message and
   * destination come along behind the first, up to `perTransaction` with it, also beyond `limit`, so that they travel
   * in one transaction.
   */
  lease(request: LeaseRequest): Promise<LeasedEntry[]>
  /** Moves the expiry of leases. Resolves to the ids whose lease was lost. */
  renew(leases: readonly LeaseRef[], expiresAt: number): Promise<string[]>
  /** Gives leases back unused: the attempt is taken back and the entry is due again at once. Lost ones are passed over. */
  giveBack(leases: readonly LeaseRef[]): Promise<void>
  /**
   * Records what became of leased entries, accepts the messages this calls for (bounces, warnings) and keeps its records,
   * all in one commit. Compare-and-set: when one of the leases was lost, nothing is done and `lost` names them.
   */
  settle(settlement: Settlement): Promise<SettleResult>

  /** One entry, or `undefined`. */
  get(id: string): Promise<QueueEntry | undefined>
  /** Entries by id, ascending; ids ascend with the time of queueing. */
  list(filter?: QueueFilter): Promise<QueueEntry[]>
  /** When the next entry becomes due or the next lease runs out, or `undefined` when nothing waits. */
  nextDue(): Promise<number | undefined>
  /** Counts by state. */
  counts(): Promise<QueueCounts>
  /** Holds waiting entries; a leased one is held after its attempt. Resolves to the ids that exist. */
  hold(ids: readonly string[]): Promise<string[]>
  /**
   * Makes held and dead entries wait again, due at `dueAt`, and waiting ones due at `dueAt`. A leased one that was to
   * be held after its attempt is not; other leased ones are left alone. Resolves to the ids concerned.
   */
  release(ids: readonly string[], dueAt: number): Promise<string[]>
  /**
   * Removes entries without a DSN, leased ones too (their lease is then lost). Resolves to the ids that existed; of those,
   * by id, `records` are kept in the same commit.
   */
  drop(ids: readonly string[], records?: ReadonlyMap<string, readonly NewRecord[]>): Promise<string[]>
}

/** Recipients of one message that go to other servers. */
export interface QueuedMessage {
  /** Follows the message from its session on. */
  readonly traceId: string
  readonly envelope: Omit<Envelope, 'recipients'>
  readonly recipients: readonly QueuedRecipient[]
  /** Who handed it in: an account id, where it was submitted with authentication. */
  readonly submitter?: string
}

/** One recipient to queue. */
export interface QueuedRecipient extends EnvelopeRecipient {
  /** What deliveries are grouped by: the domain in A-labels, or an address literal. */
  readonly destination: string
  readonly dueAt: number
  /** Stays until released. */
  readonly held?: boolean
}

/** The entries of a message, in the order of its recipients, before the driver gives them ids and a blob. */
export function newQueueEntries(
  { traceId, envelope, recipients, submitter }: QueuedMessage,
  queuedAt: number,
): Omit<QueueEntry, 'id' | 'blob' | 'size'>[] {
  const shared = { traceId, envelope, ...(submitter !== undefined && { submitter }), queuedAt }
  return recipients.map(({ destination, dueAt, held, ...recipient }) => {
    const state = held ? 'held' : 'waiting'
    return { ...shared, recipient, destination, state, dueAt, attempts: 0, history: [], warned: false }
  })
}

/** `waiting` until `dueAt`, `leased` for an attempt, `held` by the operator, `dead` when it cannot be worked on. */
export type QueueState = 'waiting' | 'leased' | 'held' | 'dead'

/** One recipient of one queued message. */
export interface QueueEntry {
  readonly id: string
  readonly traceId: string
  readonly blob: BlobId
  readonly size: number
  readonly envelope: Omit<Envelope, 'recipients'>
  readonly recipient: EnvelopeRecipient
  readonly destination: string
  readonly submitter?: string
  readonly state: QueueState
  readonly queuedAt: number
  /** Next attempt while waiting; expiry of the lease while leased. */
  readonly dueAt: number
  /** Attempts begun, the one under way included. */
  readonly attempts: number
  /** Finished attempts, oldest first, the last {@link longestHistory} at most. */
  readonly history: readonly AttemptRecord[]
  /** Whether the sender was told of the delay. */
  readonly warned: boolean
  /** Why the entry is dead. */
  readonly problem?: string
}

/** Recipients of one transaction at most: RFC 5321 §4.5.3.1.8 has every server take as many; more are a risk. */
export const mostPerTransaction = 100

/** As many attempts are kept of an entry: more than five days of one in a quarter of an hour. */
export const longestHistory = 500

/** The history of an entry after an attempt, if there was one. */
export function addAttempt(
  history: readonly AttemptRecord[],
  attempt: AttemptRecord | undefined,
): readonly AttemptRecord[] {
  return attempt ? [...history.slice(1 - longestHistory), attempt] : history
}

/** A finished attempt. Also what the outside may be told of it. */
export interface AttemptRecord {
  readonly startedAt: number
  readonly endedAt: number
  readonly status: 'delivered' | 'deferred' | 'failed' | 'unknown'
  /** What it was about: the remote host, the message, the recipient, or this side. */
  readonly scope: 'host' | 'message' | 'recipient' | 'local'
  /** Name of the host that was spoken to or could not be. */
  readonly host?: string
  /** Its IP address. */
  readonly address?: string
  /** What the remote server said. */
  readonly reply?: Reply
  /** Enhanced status code (RFC 3463) of what happened, where no reply carries one: `5.1.2` for a domain that does not exist. */
  readonly enhanced?: string
  /** Whether the delivery was the final one, into a mailbox or what stands for it, and not to a server that sends it on. */
  readonly final?: boolean
  /** What `reply` answers: `MAIL FROM`, `RCPT TO`, `DATA`, `the message`, or a step of the opening such as `EHLO`. */
  readonly command?: string
  /** How many milliseconds the other side wants to be left alone. */
  readonly retryAfter?: number
  /** The family of addresses that the next attempt is to keep to, as the retry policy decided. */
  readonly nextFamily?: 4 | 6
  /** What happened, for people; control characters escaped. */
  readonly reason: string
  /** Protocol and cipher, when the connection was encrypted: `TLSv1.3 TLS_AES_256_GCM_SHA384`. */
  readonly tls?: string
  /** The rule it was secured by: `dane`, `mta-sts`, `requiretls`, `opportunistic` and others. */
  readonly tlsRule?: string
  /** What vouched for the server's name: TLSA records, or an issuer that is trusted. Absent when nothing was asked for it. */
  readonly tlsVerified?: 'dane' | 'pkix'
}

/** A request for due entries. */
export interface LeaseRequest {
  readonly now: number
  readonly expiresAt: number
  /** Leases no more than this, but for entries that come along. */
  readonly limit: number
  /** Destinations that are at their limit: none of their entries is leased. */
  readonly except?: ReadonlySet<string>
  /** No more than so many transactions (message and destination) of one destination in this call. Default: no limit. */
  readonly perDestination?: number
  /** Entries of one transaction at most, from 1. Default: {@link mostPerTransaction}. */
  readonly perTransaction?: number
  /** Destinations that share a limit, each in one group at most. */
  readonly groups?: readonly DestinationGroup[]
  /** Senders, by {@link senderOf}, that are at their limit: none of their entries is leased. */
  readonly exceptSenders?: ReadonlySet<string>
}

/** Destinations of which no more than `most` transactions are leased, taken together. */
export interface DestinationGroup {
  readonly destinations: ReadonlySet<string>
  readonly most: number
}

/**
 * Whose an entry is, so that nobody's flood delays the mail of others: the account that submitted it, or else the
 * domain of its sender, as the local parts of one list or forwarder differ with each message (VERP, SRS). `''` for the
 * null sender.
 */
export function senderOf({ submitter, envelope }: Pick<QueueEntry, 'submitter' | 'envelope'>): string {
  return submitter ?? envelope.sender.slice(envelope.sender.lastIndexOf('@') + 1).toLowerCase()
}

/**
 * Counts the transactions that one {@link LeaseRequest} may still take of each destination, by all the limits it has for
 * destinations.
 */
export class LeaseBudget {
  readonly #request: LeaseRequest
  readonly #rest = new Map<string, { left: number }>()
  readonly #taken = new Map<string, number>()

  constructor(request: LeaseRequest) {
    this.#request = request
    for (const { destinations, most } of request.groups ?? []) {
      const shared = { left: most }
      for (const destination of destinations) this.#rest.set(destination, shared)
    }
  }

  /** Counts one more transaction of a destination, or answers `false` where its limit is reached. */
  take(destination: string): boolean {
    const { except, perDestination = Number.POSITIVE_INFINITY } = this.#request
    const taken = this.#taken.get(destination) ?? 0
    const shared = this.#rest.get(destination)
    if (taken >= perDestination || (shared && shared.left <= 0) || except?.has(destination)) return false
    if (shared) shared.left--
    this.#taken.set(destination, taken + 1)
    return true
  }
}

/** A leased entry. */
export interface LeasedEntry extends QueueEntry {
  /** Shows that the lease is ours. */
  readonly token: string
}

/** The lease on an entry. */
export interface LeaseRef {
  readonly id: string
  readonly token: string
}

/** What became of some leased entries; without any, batches that are accepted in one commit. */
export interface Settlement {
  readonly entries: readonly SettledEntry[]
  readonly accept?: readonly AcceptBatch[]
  /** What to remember of it. */
  readonly records?: readonly NewRecord[]
}

/** What becomes of one leased entry. */
export interface SettledEntry extends LeaseRef {
  /** Added to the history. Absent: nothing was attempted; what the lease counted is taken back. */
  readonly attempt?: AttemptRecord
  readonly next: /** It leaves the queue: delivered, or returned to its sender. */
    | { readonly state: 'done' }
    | { readonly state: 'waiting'; readonly dueAt: number; readonly warned?: boolean }
    /** It cannot be worked on and stays for the operator to see. */
    | { readonly state: 'dead'; readonly problem: string }
}

/** What {@link QueueStorage.settle} did. */
export type SettleResult =
  | { readonly settled: true; readonly accepted: readonly AcceptResult[] }
  | { readonly settled: false; readonly lost: readonly string[] }

/** Which entries to list; conditions are joined by "and". */
export interface QueueFilter {
  readonly state?: QueueState
  readonly destination?: string
  /** Exact addresses in wire form. */
  readonly sender?: string
  readonly recipient?: string
  readonly traceId?: string
  /** Those after this id. */
  readonly after?: string
  /** Default: 1,000. */
  readonly limit?: number
}

/** Whether a filter lists an entry, but for the place where it begins and its limit. */
export function fitsQueueFilter(entry: QueueEntry, filter: QueueFilter): boolean {
  return (
    (filter.state === undefined || entry.state === filter.state) &&
    (filter.destination === undefined || entry.destination === filter.destination) &&
    (filter.sender === undefined || entry.envelope.sender === filter.sender) &&
    (filter.recipient === undefined || entry.recipient.address === filter.recipient) &&
    (filter.traceId === undefined || entry.traceId === filter.traceId)
  )
}

/** Entries by state. */
export type QueueCounts = { readonly [State in QueueState]: number }
