import type { WritePoint } from './dying-database.js'

/** The statements that write, as they become known, and which of them were died at. */
export class WritePoints {
  readonly #random: () => number
  readonly #deaths = new Map<string, number>()
  readonly #opening = new Set<string>()

  constructor(random: () => number) {
    this.#random = random
  }

  /** @param opening - run before the server listens. */
  discover(statement: string, opening: boolean): void {
    if (opening) this.#opening.add(statement)
    for (const side of ['before', 'after'] as const) {
      const name = nameOf(statement, side)
      if (!this.#deaths.has(name)) this.#deaths.set(name, 0)
    }
  }

  /** A point of those that were died at least. */
  choose(opening: boolean): WritePoint | undefined {
    const names = [...this.#deaths.keys()].filter(name => this.#opening.has(statementOf(name)) === opening)
    const least = Math.min(...names.map(name => this.#deaths.get(name) ?? 0))
    const rarest = names.filter(name => this.#deaths.get(name) === least)
    const name = rarest[Math.floor(this.#random() * rarest.length)]
    if (name === undefined) return undefined
    this.#deaths.set(name, least + 1)
    const nth = opening ? 1 : 1 + Math.floor(this.#random() ** 2 * 15)
    return { statement: statementOf(name), side: name.startsWith('before') ? 'before' : 'after', nth }
  }

  get counts() {
    const tried = [...this.#deaths.values()].filter(deaths => deaths > 0).length
    return { known: this.#deaths.size, tried }
  }
}

function nameOf(statement: string, side: string): string {
  return `${side} ${statement}`
}

function statementOf(name: string): string {
  return name.slice(name.indexOf(' ') + 1)
}
