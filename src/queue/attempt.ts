import { MailError } from '../core/error.js'
import type { Delivery } from '../delivery/transport.js'
import type { MessageSource } from '../message/message-source.js'
import type { AttemptRecord, LeasedEntry, LeaseRef } from '../storage/queue-storage.js'
import { cleanReason, deferredHere, readOutcomes, recordOutcome } from './attempt-record.js'
import { decideFate, nextFamily } from './fate.js'
import type { Transaction } from './group-entries.js'
import { pauseAfterInterruption } from './interrupted.js'
import { Leases } from './leases.js'
import { deliverUnlessSuppressed } from './operation/suppress.js'
import type { Outcome } from './plan-dsn.js'
import { putOff } from './put-off.js'
import { type QueueContext, reportError } from './queue-context.js'
import { returnPathOf } from './return-paths.js'
import { settle } from './settle.js'
import { TransportRun } from './transport-run.js'

/** How an attempt is begun. */
export interface AttemptTurn {
  /** Called when the recipients have their outcomes, before those are stored. */
  readonly answered?: (outcomes: readonly Outcome[]) => void
  /** Nothing is dialled, because of this failure of its site. */
  readonly putOff?: AttemptRecord
}

/**
 * One attempt: a message, a destination, some recipients. The leases it works under recorded it before anything is
 * dialled; whatever happens in between, they run out and the entries are due again.
 */
export class Attempt {
  readonly destination: string
  readonly #context: QueueContext
  readonly #entries: Transaction
  readonly #leases: Leases
  #turn: AttemptTurn = {}
  readonly #delivery: TransportRun
  /** Ends waiting for a storage that fails. Making its signal costs, and few attempts have a use for one. */
  readonly #closing = new AbortController()
  #isClosing = false

  constructor(context: QueueContext, entries: Transaction) {
    this.destination = entries[0].destination
    this.#context = context
    this.#entries = entries
    this.#delivery = new TransportRun(context)
    this.#leases = new Leases(context, entries)
    this.#leases.onAllLost = () =>
      this.#delivery.abort(new MailError('LEASE_LOST', 'every lease of the attempt was lost'))
  }

  get entries(): Transaction {
    return this.#entries
  }

  /** Goes on under a lease that this process got anew; `false` when the entry is settled or lost already. */
  adopt(entry: LeasedEntry): boolean {
    return this.#leases.adopt(entry)
  }

  /** Ends the attempt soon, as the queue closes. */
  abort(): void {
    const reason = new MailError('ABORTED', 'the queue is closing', { temporary: true })
    this.#isClosing = true
    this.#delivery.abort(reason)
    this.#closing.abort(reason)
  }

  /** Lets go of the leases: nothing of this attempt is recorded any more, and the entries are due when they run out. */
  abandon(): void {
    this.#leases.abandon()
  }

  /** Ends the work before it began: gives the leases, which are to be given back. One got anew is not for this attempt. */
  takeLeases(): LeaseRef[] {
    return this.#leases.abandon()
  }

  /** Whether a recipient's message would return if the attempt were put off. */
  isLast(failure: AttemptRecord): boolean {
    return this.#entries.some(entry => putOff(this.#context, entry, failure).fate.kind === 'returned')
  }

  /** Never rejects. */
  async run(turn: AttemptTurn = {}): Promise<void> {
    this.#turn = turn
    try {
      const paused = this.#entries.flatMap(entry => this.#pause(entry))
      if (paused.length > 0) await this.#settlePaused(paused)
      const [first, ...rest] = this.#entries.filter(entry => paused.every(one => one.entry !== entry))
      if (first) await this.#attempt([first, ...rest])
    } catch (thrown) {
      reportError(this.#context, 'an attempt', thrown, this.#entries[0].traceId)
    } finally {
      this.#leases.end()
    }
  }

  async #attempt(entries: Transaction): Promise<void> {
    const { traceId, blob, size } = entries[0]
    const startedAt = this.#now()
    let message: MessageSource | undefined
    try {
      message = await this.#context.settings.storage.blobs.open(blob)
    } catch (thrown) {
      reportError(this.#context, 'opening a message', thrown, traceId)
      return this.#defer(entries, startedAt, `the message cannot be read now: ${cleanReason(thrown)}`)
    }
    const problem = !message
      ? 'the message is missing'
      : message.size !== size
        ? `the message is damaged: it has ${message.size} octets, not ${size}`
        : undefined
    if (!message || problem !== undefined) return this.#bury(entries, startedAt, problem ?? '')
    // Told to end before it began.
    if (this.#isClosing) return this.#context.settings.storage.queue.giveBack(this.takeLeases())
    await this.#deliver(entries, message, startedAt)
  }

  async #deliver(entries: Transaction, message: MessageSource, startedAt: number): Promise<void> {
    const failure = this.#turn.putOff
    const settled = failure
      ? entries.map(entry => putOff(this.#context, entry, failure))
      : await this.#try(entries, message, startedAt)
    this.#turn.answered?.(settled)
    const cut = this.#isClosing ? settled.filter(({ attempt: one }) => isUntold(one)) : []
    await this.#settle(
      settled.filter(outcome => !cut.includes(outcome)),
      message,
    )
    // What the close of the queue cut short is due again at once, for the next process.
    const back = cut.flatMap(({ entry }) => this.#leases.get(entry.id) ?? [])
    if (back.length > 0) await this.#context.settings.storage.queue.giveBack(back)
  }

  async #try(entries: Transaction, message: MessageSource, startedAt: number): Promise<Outcome[]> {
    const { traceId, envelope, destination } = entries[0]
    const attempt = Math.max(...entries.map(entry => entry.attempts))
    const recipients = entries.map(entry => entry.recipient)
    const family = nextFamily(entries[0])
    const kept = family && entries.every(entry => nextFamily(entry) === family)
    const delivery = {
      traceId,
      destination,
      envelope,
      recipients,
      message,
      attempt,
      ...(kept && { family }),
    }
    let failure = 'the transport gave no outcome'
    const outcomes = await this.#dial(entries, delivery).catch(thrown => {
      reportError(this.#context, 'a delivery', thrown, traceId)
      failure = `the delivery failed here: ${cleanReason(thrown)}`
    })
    const byRecipient = readOutcomes(outcomes)
    const span = { startedAt, endedAt: this.#now() }
    return entries.map(entry => {
      const outcome = byRecipient.get(entry.recipient.address)
      const record = outcome ? recordOutcome(outcome, span) : deferredHere(failure, span)
      const dsnPassedOn = outcome?.dsnPassedOn === true
      return { entry, attempt: record, fate: decideFate(this.#context, entry, record, { dsnPassedOn }) }
    })
  }

  async #dial(entries: Transaction, delivery: Delivery): Promise<unknown> {
    const { traceId, destination, attempt } = delivery
    const ids = entries.map(entry => entry.id)
    this.#context.events.emit('attempt:started', { traceId, destination, entries: ids, attempt })
    const sender = returnPathOf(this.#context, entries[0])
    return this.#delivery.run(dial =>
      deliverUnlessSuppressed(this.#context, delivery, ({ envelope, ...rest }) =>
        dial({ ...rest, envelope: { ...envelope, sender } }),
      ),
    )
  }

  /** What becomes of an entry that must wait before it is tried again; nothing of one that need not. */
  #pause(entry: LeasedEntry): Outcome[] {
    const attempt = pauseAfterInterruption(entry, this.#now())
    if (!attempt) return []
    return [
      { entry, attempt, fate: decideFate(this.#context, entry, attempt, { attempts: entry.attempts - 1 }) },
    ]
  }

  async #settlePaused(paused: readonly Outcome[]): Promise<void> {
    const message = await this.#context.settings.storage.blobs.open(this.#entries[0].blob)
    await this.#settle(paused, message)
  }

  #defer(entries: Transaction, startedAt: number, reason: string): Promise<void> {
    const record = deferredHere(reason, { startedAt, endedAt: this.#now() })
    const outcomes = entries.map(entry => ({
      entry,
      attempt: record,
      fate: decideFate(this.#context, entry, record),
    }))
    return this.#settle(outcomes, undefined)
  }

  /** Leaves entries that cannot be worked on to the operator. */
  #bury(entries: Transaction, startedAt: number, problem: string): Promise<void> {
    const attempt = deferredHere(problem, { startedAt, endedAt: this.#now() })
    const fate = { kind: 'dead', problem } as const
    return this.#settle(
      entries.map(entry => ({ entry, attempt, fate })),
      undefined,
    )
  }

  #settle(outcomes: readonly Outcome[], message: MessageSource | undefined): Promise<void> {
    return settle({
      context: this.#context,
      leases: this.#leases,
      closing: this.#closing,
      outcomes,
      message,
    })
  }

  #now(): number {
    return this.#context.settings.clock.now()
  }
}

/** Whether an attempt ended on this side, before any server said anything. */
function isUntold({ status, scope }: Outcome['attempt']): boolean {
  return status === 'deferred' && scope === 'local'
}
