import type { WritePoint } from './dying-database.js'

/** What is known of a point: a process dies before or after a statement. */
interface Known {
  readonly statement: string
  readonly side: WritePoint['side']
  /** Whether it is run before the server listens. */
  readonly opening: boolean
  /** How often it was chosen, and how often the process died there: it may not come by in time. */
  tries: number
  deaths: number
}

/** The points at which a host writes, named by their statements as those become known, and which were died at. */
export class WritePoints {
  readonly #random: () => number
  readonly #known = new Map<string, Known>()

  constructor(random: () => number) {
    this.#random = random
  }

  discover(statement: string, opening: boolean): void {
    for (const side of ['before', 'after'] as const) {
      const name = `${side} ${statement}`
      const before = this.#known.get(name) ?? { statement, side, opening, tries: 0, deaths: 0 }
      this.#known.set(name, { ...before, opening: before.opening || opening })
    }
  }

  /** A point of those that were died at least. */
  choose(opening: boolean): WritePoint | undefined {
    const fitting = [...this.#known.values()].filter(known => known.opening === opening)
    const least = Math.min(...fitting.map(({ deaths }) => deaths))
    const rarest = fitting.filter(({ deaths }) => deaths === least)
    const chosen = rarest[Math.floor(this.#random() * rarest.length)]
    if (!chosen) return undefined
    chosen.tries++
    // What was waited for in vain is taken at its first time.
    const inVain = opening || chosen.tries > chosen.deaths + 1
    const nth = inVain ? 1 : 1 + Math.floor(this.#random() ** 2 * 15)
    return { statement: chosen.statement, side: chosen.side, nth }
  }

  died({ side, statement }: WritePoint): void {
    const known = this.#known.get(`${side} ${statement}`)
    if (known) known.deaths++
  }

  get count(): number {
    return this.#known.size
  }

  /** Names of those that nothing died at yet. */
  get missing(): string[] {
    return [...this.#known].filter(([, { deaths }]) => deaths === 0).map(([name]) => name)
  }
}
