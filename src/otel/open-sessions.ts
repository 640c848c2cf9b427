import type { Attributes, UpDownCounter } from '@opentelemetry/api'

/** Counts the sessions that are open, of those that opened while it watched: others would end what was never counted. */
export class OpenSessions {
  readonly #counter: UpDownCounter
  readonly #open = new Map<string, Attributes>()

  constructor(counter: UpDownCounter) {
    this.#counter = counter
  }

  opened(id: string, attributes: Attributes = {}): void {
    this.#open.set(id, attributes)
    this.#counter.add(1, attributes)
  }

  /** Whether it was counted. */
  closed(id: string): boolean {
    const attributes = this.#open.get(id)
    if (!attributes) return false
    this.#open.delete(id)
    this.#counter.add(-1, attributes)
    return true
  }

  /** Takes back those that are still open, as nobody will tell of their end. */
  stop(): void {
    for (const id of [...this.#open.keys()]) this.closed(id)
  }
}
