import { type Clock, sleep } from '../../../src/core/clock.js'
import type { Delivery, RecipientOutcome } from '../../../src/delivery/transport.js'
import type { SeededRandom } from '../../../src/testing/conformance/seeded-random.js'

const minute = 60_000
const hour = 60 * minute

/** What servers of a site have seen of one recipient of one message. */
export interface Received {
  taken: number
  /** Whether the sender never heard of one that was taken. */
  unsure: boolean
}

/** What a site does to a delivery. */
type Verdict = Pick<RecipientOutcome, 'status' | 'scope' | 'reason'>

/** Why a delivery ends whose process was killed. */
export const killed = new Error('killed')

const lostAfterDot: Verdict = { status: 'unknown', scope: 'host', reason: 'lost after the dot' }
const hostDown: Verdict = { status: 'deferred', scope: 'host', reason: 'no answer' }

/**
 * The servers of some domains, with faults drawn from a seed: outages of hours, some for good, greylists, unknown users,
 * full mailboxes, connections that die before or after the final dot, servers that take long, and such that never answer.
 * It writes down what it took, how much came at once and in a minute, and who did not wait.
 */
export class SimulatedSite {
  readonly received = new Map<string, Received>()
  /** When deliveries began. */
  readonly times: number[] = []
  mostAtOnce = 0
  /** For how long others that were due later were tried before one: zero where they come in turn. In milliseconds. */
  longestPassedOver = 0
  /** Recipients that were tried again at once, though they may have had the message. */
  readonly hasty: string[] = []
  #atOnce = 0
  readonly #clock: Clock
  readonly #random: SeededRandom
  readonly #outages: readonly { from: number; to: number }[]
  readonly #greylists: boolean
  readonly #seen = new Map<string, number>()
  /** Those tried so far that were due later than all before them, and when they were tried. */
  readonly #turns: { readonly dueAt: number; readonly at: number }[] = []
  readonly #lostAt = new Map<string, number>()

  constructor(clock: Clock, random: SeededRandom) {
    this.#clock = clock
    this.#random = random
    const start = clock.now()
    this.#greylists = random.chance(0.2)
    this.#outages = Array.from({ length: random.below(4) }, () => {
      const from = start + random.below(100) * hour
      return { from, to: from + (random.chance(0.15) ? 200 * hour : random.below(8 * 60) * minute) }
    })
  }

  async deliver({ traceId, recipients }: Delivery, signal: AbortSignal): Promise<RecipientOutcome[]> {
    this.times.push(this.#clock.now())
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce)
    try {
      await sleep(this.#clock, 20 + this.#random.below(2_000), signal)
      if (this.#isDown() || this.#random.chance(0.02))
        return recipients.map(({ address }) => outcome(address, hostDown))
      if (this.#random.chance(0.001)) await sleep(this.#clock, 200 * hour, signal)
      // Longer than a lease.
      if (this.#random.chance(0.005)) await sleep(this.#clock, 20 * minute, signal)
      if (this.#random.chance(0.001)) throw new Error('a transport that fails')
      const lost = this.#random.chance(0.005)
      const keys = recipients.map(({ address }) => `${traceId} ${address}`)
      const verdicts = keys.map(key => this.#answer(key, lost))
      await sleep(this.#clock, 20 + this.#random.below(500), signal).catch(() => {
        keys.forEach((key, index) => {
          if (verdicts[index]?.status === 'delivered') verdicts[index] = this.#unheard(key)
          // One that died has nothing to wait for.
          if (signal.reason === killed) this.#lostAt.delete(key)
        })
      })
      return recipients.map(({ address }, index) => outcome(address, verdicts[index] ?? hostDown))
    } finally {
      this.#atOnce--
    }
  }

  /** A message that was due at `dueAt` is tried now. */
  noteTurn(dueAt: number): void {
    const now = this.#clock.now()
    const laterOnes = this.#turns.slice(this.#turns.findLastIndex(turn => turn.dueAt <= dueAt) + 1)
    this.longestPassedOver = Math.max(this.longestPassedOver, now - (laterOnes[0]?.at ?? now))
    if (laterOnes.length === 0) this.#turns.push({ dueAt, at: now })
  }

  /** For how many milliseconds of a span it was down. */
  downDuring(from: number, to: number): number {
    const spans = this.#outages.map(outage => Math.min(to, outage.to) - Math.max(from, outage.from))
    return spans.reduce((sum, span) => sum + Math.max(0, span), 0)
  }

  #isDown(): boolean {
    const now = this.#clock.now()
    return this.#outages.some(({ from, to }) => from <= now && now < to)
  }

  #answer(key: string, lost: boolean): Verdict {
    if (this.#clock.now() - (this.#lostAt.get(key) ?? 0) < 5 * minute) this.hasty.push(key)
    if (key.includes('nobody')) return { status: 'failed', scope: 'recipient', reason: 'no such user' }
    if (this.#random.chance(0.02)) return { status: 'deferred', scope: 'recipient', reason: 'mailbox full' }
    if (this.#greylists && !this.#isKnown(key))
      return { status: 'deferred', scope: 'recipient', reason: 'greylisted' }
    const arrived = !lost || this.#random.chance(0.5)
    if (arrived) this.#take(key, lost)
    if (lost) this.#lostAt.set(key, this.#clock.now())
    if (lost) return lostAfterDot
    return { status: 'delivered', scope: 'recipient', reason: 'taken' }
  }

  /** The sender was cut off before it heard that the message was taken. */
  #unheard(key: string): Verdict {
    const record = this.received.get(key)
    if (record) this.received.set(key, { ...record, unsure: true })
    this.#lostAt.set(key, this.#clock.now())
    return lostAfterDot
  }

  #isKnown(key: string): boolean {
    const first = this.#seen.get(key)
    if (first !== undefined) return this.#clock.now() - first >= 5 * minute
    this.#seen.set(key, this.#clock.now())
    return false
  }

  #take(key: string, unsure: boolean): void {
    const before = this.received.get(key) ?? { taken: 0, unsure: false }
    this.received.set(key, { taken: before.taken + 1, unsure: before.unsure || unsure })
  }
}

function outcome(recipient: string, verdict: Verdict): RecipientOutcome {
  return { recipient, ...verdict }
}
