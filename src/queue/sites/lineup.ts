import type { Timer } from '../../core/clock.js'
import { DrainSet } from '../../core/lifecycle.js'
import {
  type AttemptRecord,
  type LeasedEntry,
  type LeaseRequest,
  senderOf,
} from '../../storage/queue-storage.js'
import { Attempt } from '../attempt.js'
import { groupEntries } from '../group-entries.js'
import type { Outcome } from '../plan-dsn.js'
import { type QueueContext, reportError } from '../queue-context.js'
import { returnPathKey } from '../return-paths.js'
import { RateWindow } from './rate-window.js'
import { Senders } from './senders.js'
import { readFeedback, type Site, type Turn } from './site.js'
import { Sites } from './sites.js'

/** Of what may be under way, so much is kept for senders who have less than their share. */
const reserved = 0.1

/** What a lease may take, but for its instants. */
export type LeaseTerms = Omit<LeaseRequest, 'now' | 'expiresAt'>

/**
 * The leased attempts: those that wait for their turn, a few for each site, and those under way. Begins each as soon as
 * the limits of its site, its sender and the whole allow it; what is beyond them is given back to storage.
 */
export class Lineup {
  /** What is leased: until its attempt is settled, or the leases are given back. */
  readonly held = new DrainSet<Turn>()
  /** Attempts under way, until they are settled. */
  readonly attempts = new DrainSet<Attempt>()
  readonly sites: Sites
  readonly #context: QueueContext
  readonly #senders: Senders
  readonly #rate: RateWindow | undefined
  readonly #underWay = new Map<string, Attempt>()
  /** What waits for its site to be looked up, by destination. */
  readonly #lookups = new Map<string, Turn[]>()
  /** Sites with attempts that wait for their turn, in the order of theirs. */
  readonly #waiting = new Set<Site>()
  readonly #onRoom: () => void
  #accepting = true
  #timer: Timer | undefined
  #active = 0
  /** Whether more may be due than there was room for. */
  #wantsMore = false

  /** @param onRoom - called when more may be leased. */
  constructor(context: QueueContext, onRoom: () => void) {
    this.#context = context
    this.#onRoom = onRoom
    this.sites = new Sites(context)
    this.#senders = new Senders(context)
    const { total } = context.settings.limits
    this.#rate = total && new RateWindow(total)
  }

  /** Whether attempts are begun; those that wait for their turn are given back when they no longer are. */
  set accepting(accepting: boolean) {
    this.#accepting = accepting
    if (accepting) return
    this.#timer?.cancel()
    const waiting = [...[...this.#waiting].map(({ ready }) => ready), ...this.#lookups.values()]
    const turns = waiting.flatMap(ready => ready.splice(0))
    this.#waiting.clear()
    this.#giveBack(turns)
  }

  /** What may be leased now, or `undefined` when there is no room for more. */
  terms(): LeaseTerms | undefined {
    const now = this.#now()
    const blocked = this.#room <= 0 || (this.#rate?.nextAt ?? now) > now
    const limit = Math.max(0, withReserve(this.#capacity) - this.held.size)
    this.#wantsMore ||= blocked || limit === 0
    this.#awaitRates()
    if (blocked) return undefined
    const exceptSenders = this.#senders.atLimit(now)
    const except = new Set(this.#lookups.keys())
    const alone = this.#context.settings.verp?.perRecipient && { perTransaction: 1 }
    return { limit, ...this.sites.terms(), exceptSenders, except, ...alone }
  }

  /** {@link Lineup.terms} for those first who have less than their share; `undefined` where nobody has more. */
  fairTerms(terms: LeaseTerms): LeaseTerms | undefined {
    const over = this.#senders.overShare()
    if (over.size === 0) return undefined
    const exceptSenders = new Set([...over, ...(terms.exceptSenders ?? [])])
    return { ...terms, limit: this.#room, exceptSenders }
  }

  /** Nothing more is due within the terms. */
  exhausted({ limit }: LeaseTerms): void {
    if (limit === 0) return
    this.#wantsMore = false
    this.sites.exhausted()
  }

  /** Takes in what was leased. */
  take(entries: readonly LeasedEntry[]): void {
    const fresh = entries.filter(entry => !this.#underWay.get(entry.id)?.adopt(entry))
    const bySite = new Map<string, Turn[]>()
    for (const transaction of groupEntries(fresh, entry => returnPathKey(this.#context, entry))) {
      const attempt = new Attempt(this.#context, transaction)
      for (const { id } of transaction) this.#underWay.set(id, attempt)
      const turn = { attempt, sender: this.#senders.hold(senderOf(transaction[0])) }
      this.held.add(turn)
      const turns = bySite.get(attempt.destination)
      if (turns) turns.push(turn)
      else bySite.set(attempt.destination, [turn])
    }
    for (const [destination, turns] of bySite) this.#place(destination, turns)
    this.pump()
  }

  /** Begins what may begin. */
  pump(): void {
    if (!this.#accepting) return
    for (const site of this.#waiting) {
      if (!this.#startOne(site)) continue
      this.#waiting.delete(site)
      // Behind the others: the loop comes by again.
      if (site.ready.length > 0) this.#waiting.add(site)
    }
    this.#awaitRates()
  }

  /** Comes back when the first rate that holds something up allows more. */
  #awaitRates(): void {
    this.#timer?.cancel()
    const { total, perSite, perSender } = this.#context.settings.limits
    if (!this.#accepting || !(total ?? perSite ?? perSender)) return
    const now = this.#now()
    const next = this.#nextAt(now)
    if (next === undefined) return
    this.#timer = this.#context.settings.clock.schedule(next - now, () => {
      this.pump()
      this.#onRoom()
    })
  }

  #nextAt(now: number): number | undefined {
    const instants = [this.#rate?.nextAt, this.#senders.nextAt(now), ...this.sites.nextAt()]
    const ahead = instants.filter(instant => instant !== undefined && instant > now) as number[]
    return ahead.length > 0 ? Math.min(...ahead) : undefined
  }

  /** Lets go of the attempts that do not end. */
  abandon(): void {
    for (const attempt of [...this.attempts]) {
      attempt.abandon()
      this.attempts.delete(attempt)
    }
  }

  close(): void {
    this.accepting = false
    this.sites.close()
  }

  /** As many again as may be under way wait in memory. */
  get #capacity(): number {
    return this.#context.settings.concurrency.total * 2
  }

  get #room(): number {
    return this.#capacity - this.held.size
  }

  #place(destination: string, turns: Turn[]): void {
    const found = this.sites.of(destination)
    if (!(found instanceof Promise)) {
      this.#queue(found, turns)
      return
    }
    this.#lookups.set(destination, turns)
    const placed = found.then(site => {
      this.#lookups.delete(destination)
      this.#queue(site, turns)
      this.pump()
      this.#onRoom()
    })
    void this.#context.settings.clock.track(placed)
  }

  #queue(site: Site, turns: readonly Turn[]): void {
    const room = this.#accepting ? site.room(this.#now()) : 0
    this.sites.heed(site)
    site.ready.push(...turns.slice(0, room))
    if (site.ready.length > 0) this.#waiting.add(site)
    if (room >= turns.length) return
    site.wantsMore = true
    this.#giveBack(turns.slice(room))
  }

  #startOne(site: Site): boolean {
    const now = this.#now()
    const { total } = this.#context.settings.concurrency
    if (this.#active >= total) return false
    const free = this.#active < withReserve(total)
    const mayDial = (this.#rate?.nextAt ?? now) <= now && site.mayDial(now)
    if (!mayDial && !site.isSuspended(now)) return false
    for (const [index, turn] of site.ready.entries()) {
      const { attempt, sender } = turn
      if (!free && !this.#senders.isUnderShare(sender, this.#active)) continue
      const putOff = site.failureFor(attempt, now)
      if (!putOff && !(mayDial && (sender.rate?.nextAt ?? now) <= now)) continue
      site.ready.splice(index, 1)
      this.#start(site, turn, now, putOff)
      return true
    }
    return false
  }

  #start(site: Site, turn: Turn, now: number, putOff: AttemptRecord | undefined): void {
    const { attempt, sender } = turn
    let delivering = true
    const answered = (outcomes: readonly Outcome[]) => {
      if (!delivering) return
      delivering = false
      this.#active--
      sender.active--
      end()
      if (!putOff) this.#learn(site, outcomes, now)
      this.pump()
    }
    if (!putOff) {
      this.#rate?.note(now)
      sender.rate?.note(now)
    }
    const end = site.start(now, !putOff)
    this.#active++
    sender.active++
    this.attempts.add(attempt)
    const run = attempt.run({ answered, ...(putOff && { putOff }) })
    const ended = run.then(() => {
      answered([])
      this.attempts.delete(attempt)
      this.#end(turn)
      this.#tellRoom(site)
    })
    void this.#context.settings.clock.track(ended)
  }

  #end(turn: Turn): void {
    const { attempt, sender } = turn
    for (const { id } of attempt.entries) if (this.#underWay.get(id) === attempt) this.#underWay.delete(id)
    this.#senders.release(sender)
    this.sites.sweep()
    this.held.delete(turn)
  }

  /** Leases in batches: not for each attempt that ends, but when a site has room for some. */
  #tellRoom(site: Site): void {
    const room = site.room(this.#now())
    const enough = site.wantsMore && room * 2 >= site.limit.limit
    if (this.held.isEmpty() || enough || (this.#wantsMore && this.#room * 4 >= this.#capacity)) this.#onRoom()
  }

  #learn(site: Site, outcomes: readonly Outcome[], startedAt: number): void {
    const { events, traceId, settings } = this.#context
    const now = this.#now()
    const feedback = readFeedback(outcomes)
    if (feedback === 'failure')
      site.failed(outcomes.find(({ attempt }) => attempt.scope === 'host')?.attempt, now)
    const change = site.limit.learn(feedback, startedAt, now)
    if (change === 'resumed') events.emit('site:resumed', { traceId, site: site.name })
    if (change !== 'suspended') return
    const until = settings.clock.now() + site.limit.suspendedUntil - now
    events.emit('site:suspended', { traceId, site: site.name, until, reason: site.lastFailure?.reason ?? '' })
  }

  #giveBack(turns: readonly Turn[]): void {
    if (turns.length === 0) return
    const leases = turns.flatMap(({ attempt }) => attempt.takeLeases())
    const { clock, storage } = this.#context.settings
    const given = storage.queue
      .giveBack(leases)
      .catch(thrown => reportError(this.#context, 'giving leases back', thrown))
      .then(() => {
        for (const turn of turns) this.#end(turn)
        if (this.held.isEmpty()) this.#onRoom()
      })
    void clock.track(given)
  }

  #now(): number {
    return this.#context.settings.clock.monotonic()
  }
}

/** All but what is reserved for others; at least one. */
function withReserve(total: number): number {
  return Math.max(1, total - Math.floor(total * reserved))
}
