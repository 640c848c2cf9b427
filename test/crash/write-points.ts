import type { WritePoint } from './dying-database.js'

/** What is known of a point: a process dies before or after a statement. */
interface Known extends Omit<WritePoint, 'nth'> {
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

  discover({ statement, phase }: Pick<WritePoint, 'statement' | 'phase'>): void {
    for (const side of ['before', 'after'] as const) {
      const point = { statement, phase, side }
      if (!this.#known.has(nameOf(point))) this.#known.set(nameOf(point), { ...point, tries: 0, deaths: 0 })
    }
  }

  /** A point of those that were died at least, and of these tried least. */
  choose(phase: WritePoint['phase']): WritePoint | undefined {
    const fitting = [...this.#known.values()].filter(known => known.phase === phase)
    const rank = ({ deaths, tries }: Known) => deaths * 1_000 + tries
    const least = Math.min(...fitting.map(rank))
    const rarest = fitting.filter(known => rank(known) === least)
    const chosen = rarest[Math.floor(this.#random() * rarest.length)]
    if (!chosen) return undefined
    chosen.tries++
    const { statement, side } = chosen
    // What was waited for in vain is taken at its first time.
    const inVain = chosen.tries > chosen.deaths + 1
    const nth = phase === 'opening' || inVain ? 1 : 1 + Math.floor(this.#random() ** 3 * 15)
    return { statement, phase, side, nth }
  }

  died(point: WritePoint): void {
    const known = this.#known.get(nameOf(point))
    if (known) known.deaths++
  }

  get count(): number {
    return this.#known.size
  }

  /** Names of those that nothing died at yet; of one phase only. */
  missing(phase?: WritePoint['phase']): string[] {
    const missing = [...this.#known].filter(([, { deaths }]) => deaths === 0)
    return missing.filter(([, known]) => (phase ?? known.phase) === known.phase).map(([name]) => name)
  }
}

function nameOf({ phase, side, statement }: Omit<WritePoint, 'nth'>): string {
  return `${phase}, ${side} ${statement}`
}
