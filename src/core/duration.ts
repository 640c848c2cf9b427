import { MailError } from './error.js'

/** A length of time: milliseconds, or a number with a unit such as `'90s'`, `'30h'`, `'5d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Milliseconds of a {@link Duration}.
 * @throws MailError `OPTION_INVALID` when it is not a finite, non-negative length of time.
 */
export function toMilliseconds(duration: Duration, name = 'duration'): number {
  const ms = parseDuration(duration)
  if (ms === undefined) {
    throw new MailError(
      'OPTION_INVALID',
      `${name}: got ${JSON.stringify(duration)}, expected milliseconds or a length such as '30h', '15m', '10s' or '500ms'`,
    )
  }
  return ms
}

/** Milliseconds of a {@link Duration}, or `undefined` when it is none. */
export function parseDuration(duration: unknown): number | undefined {
  if (typeof duration === 'number') return Number.isFinite(duration) && duration >= 0 ? duration : undefined
  if (typeof duration !== 'string') return undefined
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration)
  return match ? Number(match[1]) * (unitMs[match[2] ?? ''] ?? Number.NaN) : undefined
}

/**
 * A length of time as a person writes it, in its two largest fitting units, rounded: `4 hours`, `2 days 3 hours`. Up to
 * two days are told in hours, as people say `30 hours`.
 */
export function formatDuration(ms: number): string {
  if (ms > 0 && ms < 1_000) return `${Math.ceil(ms)} ms`
  const seconds = Math.round(ms / 1_000)
  const at = spokenUnits.findIndex(({ from }) => seconds >= from)
  const [large, small] = spokenUnits.slice(at)
  if (!large || !small) return count(seconds, 'second')
  const rounded = Math.round(seconds / small.size) * small.size
  const rest = (rounded % large.size) / small.size
  const whole = count(Math.floor(rounded / large.size), large.word)
  return rest === 0 ? whole : `${whole} ${count(rest, small.word)}`
}

/** Units, largest first, and from how many seconds on each is the first that is named. */
const spokenUnits = [
  { word: 'day', size: 86_400, from: 2 * 86_400 },
  { word: 'hour', size: 3_600, from: 3_600 },
  { word: 'minute', size: 60, from: 60 },
  { word: 'second', size: 1, from: 0 },
] as const

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}
