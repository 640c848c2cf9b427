import type { Arrival } from './arrival.js'

/** What arrived, in order. */
export class MailLog {
  readonly #arrivals: Arrival[] = []
  readonly #listeners = new Set<(arrival: Arrival) => void>()
  #count = 0

  /** The number of the last arrival, 0 before the first. Numbers go on after {@link MailLog.replace}. */
  get last(): number {
    return this.#count
  }

  /** In order, those behind an arrival's number only. */
  after(number = 0): readonly Arrival[] {
    return this.#arrivals.filter(arrival => arrival.number > number)
  }

  /** Keeps an arrival and tells of it. */
  add(given: Omit<Arrival, 'number'>): Arrival {
    const arrival = { ...given, number: ++this.#count }
    this.#arrivals.push(arrival)
    for (const listener of [...this.#listeners]) listener(arrival)
    return arrival
  }

  /** Takes the arrival of this number out, if it is kept. */
  remove(number: number): Arrival | undefined {
    const index = this.#arrivals.findIndex(arrival => arrival.number === number)
    return index === -1 ? undefined : this.#arrivals.splice(index, 1)[0]
  }

  /** Puts others in the place of what is kept, those of another log too; nobody is told. */
  replace(arrivals: readonly Arrival[]): void {
    this.#arrivals.splice(0, this.#arrivals.length, ...arrivals)
    this.#count = Math.max(this.#count, arrivals.at(-1)?.number ?? 0)
  }

  /** Calls `listener` for each arrival to come, until the returned function is called. */
  onArrival(listener: (arrival: Arrival) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
