import { MailError } from '../../core/error.js'

/** One step of an Exim retry rule. Lengths in milliseconds. */
export interface EximStep {
  /**
   * `F`: a fixed interval; `G`: one that grows by a factor; `H`: the first interval, and of what it would have grown by
   * since a half to all, drawn at random.
   */
  readonly kind: 'F' | 'G' | 'H'
  /** The step is followed until the message is this old. */
  readonly until: number
  /** The interval, or the first. */
  readonly every: number
  /** By how much each interval of `G` and `H` is longer than the one before. 1 or more. */
  readonly factor: number
}

/**
 * Reads `F,2h,15m; G,16h,1h,1.5; F,4d,6h`. Times as Exim writes them: `2h30m`, units w, d, h, m, s, seconds without.
 * @throws MailError `OPTION_INVALID`.
 */
export function readEximSteps(text: string): EximStep[] {
  const steps = text
    .split(';')
    .map(part => part.trim())
    .filter(part => part !== '')
    .map(readStep)
  const rising = steps.every(({ until }, index) => until > (steps[index - 1]?.until ?? 0))
  if (rising) return steps
  throw wrong(text, 'expected each step to end later than the one before')
}

function readStep(text: string): EximStep {
  const [kind = '', until = '', every = '', factor, ...rest] = text.split(',').map(part => part.trim())
  if (kind !== 'F' && kind !== 'G' && kind !== 'H') throw wrong(text, 'expected F, G or H')
  const grows = kind !== 'F'
  if (rest.length > 0 || (factor !== undefined) !== grows) {
    throw wrong(
      text,
      grows ? `expected ${kind},<until>,<first interval>,<factor>` : 'expected F,<until>,<interval>',
    )
  }
  const step = { kind, until: readTime(until), every: readTime(every), factor: Number(factor ?? 1) } as const
  if (step.every > 0 && step.until > 0 && step.factor >= 1 && step.factor <= 1_000) return step
  throw wrong(text, 'expected times above 0 and a factor from 1')
}

const unitMs: Readonly<Record<string, number>> = {
  w: 604_800_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
}

function readTime(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000
  if (!/^(?:\d{1,9}[wdhms])+$/.test(text)) throw wrong(text, "expected a time such as '2h30m'")
  const parts = [...text.matchAll(/(\d+)([wdhms])/g)]
  return parts.reduce((sum, [, number, unit = '']) => sum + Number(number) * (unitMs[unit] ?? 0), 0)
}

function wrong(text: string, expected: string): MailError {
  return new MailError('OPTION_INVALID', `eximRules: ${expected}, got ${JSON.stringify(text.slice(0, 200))}`)
}

/** Exim's `retry_interval_max`, which cannot be more. */
const longestInterval = 86_400_000

/**
 * The wait that steps have for a message of some age, a day at most; `undefined` when the last one is over. Growing
 * intervals are counted from where their step begins, so the answer hangs on the age alone.
 */
export function eximInterval(steps: readonly EximStep[], age: number, random: number): number | undefined {
  const index = steps.findIndex(({ until }) => age < until)
  const step = steps[index]
  if (!step) return undefined
  const { kind, every } = step
  const grown = grownInterval(step, age - (steps[index - 1]?.until ?? 0))
  return Math.min(kind === 'H' ? every + (grown - every) * (0.5 + random / 2) : grown, longestInterval)
}

function grownInterval({ every, factor }: EximStep, within: number): number {
  if (factor === 1) return every
  // The n-th interval begins at every·(factorⁿ − 1) / (factor − 1).
  const passed = Math.log1p((Math.max(within, 0) * (factor - 1)) / every) / Math.log(factor)
  return every * factor ** Math.floor(passed + 1e-9)
}
