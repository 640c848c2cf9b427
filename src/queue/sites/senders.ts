import { parseOptions } from '../../core/options.js'
import { type QueueContext, reportError } from '../queue-context.js'
import { rateSchema } from './options.js'
import { type RateLimit, RateWindow } from './rate-window.js'

/** Senders that are remembered beside those whose mail is under way, for their rates. */
const mostRemembered = 10_000

/** What one sender has under way. */
export interface Sender {
  readonly name: string
  readonly rate: RateWindow | undefined
  /** Leased transactions. */
  held: number
  /** Those whose attempts are under way. */
  active: number
}

/** Whose mail is under way, so that nobody's flood delays that of others. Instants are on the monotonic clock. */
export class Senders {
  readonly #context: QueueContext
  readonly #byName = new Map<string, Sender>()
  readonly #holding = new Set<Sender>()
  #held = 0

  constructor(context: QueueContext) {
    this.#context = context
  }

  /** Counts a leased transaction. */
  hold(name: string): Sender {
    const sender = this.#byName.get(name) ?? this.#add(name)
    sender.held++
    this.#held++
    this.#holding.add(sender)
    return sender
  }

  /** A transaction is over. */
  release(sender: Sender): void {
    this.#held--
    if (--sender.held > 0) return
    this.#holding.delete(sender)
    if (!sender.rate) this.#byName.delete(sender.name)
  }

  /** Those that have more than the share each would have if one more came. Their mail waits for that of others. */
  overShare(): Set<string> {
    const share = this.#held / (this.#holding.size + 1)
    return names(this.#holding, ({ held }) => held > share)
  }

  /** Whether a sender has no more than its share of `active` attempts, if one more sender came. */
  isUnderShare(sender: Sender, active: number): boolean {
    return sender.active <= active / (this.#holding.size + 1)
  }

  /** Those whose rate is used up. */
  atLimit(now: number): Set<string> {
    return names(this.#limited(now), () => true)
  }

  /** When the first of those whose rate is used up may send again. */
  nextAt(now: number): number | undefined {
    const instants = [...this.#limited(now)].map(({ rate }) => rate?.nextAt ?? now)
    return instants.length > 0 ? Math.min(...instants) : undefined
  }

  *#limited(now: number): Iterable<Sender> {
    if (this.#context.settings.limits.perSender === undefined) return
    for (const sender of this.#byName.values()) if (sender.rate && sender.rate.nextAt > now) yield sender
  }

  #add(name: string): Sender {
    const limit = this.#limitOf(name)
    const sender = { name, rate: limit && new RateWindow(limit), held: 0, active: 0 }
    this.#byName.set(name, sender)
    if (this.#byName.size > mostRemembered) this.#forget()
    return sender
  }

  #limitOf(name: string): RateLimit | undefined {
    const { perSender } = this.#context.settings.limits
    if (typeof perSender !== 'function') return perSender
    try {
      const answer = perSender(name)
      return answer === undefined ? undefined : parseOptions('limits.perSender', rateSchema(), answer)
    } catch (thrown) {
      reportError(this.#context, 'asking for the limit of a sender', thrown)
      return undefined
    }
  }

  #forget(): void {
    const now = this.#context.settings.clock.monotonic()
    for (const [name, { held, rate }] of this.#byName) {
      if (held === 0 && rate?.isSpent(now) !== false) this.#byName.delete(name)
    }
  }
}

function names(senders: Iterable<Sender>, is: (sender: Sender) => boolean): Set<string> {
  const found = new Set<string>()
  for (const sender of senders) if (is(sender)) found.add(sender.name)
  return found
}
