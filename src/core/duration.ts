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

/** A length of time as a person writes it, in its largest fitting units: `1 day 6 hours`. */
export function formatDuration(ms: number): string {
  const parts: string[] = []
  let rest = Math.round(ms / 1000)
  for (const [size, word] of [
    [86_400, 'day'],
    [3_600, 'hour'],
    [60, 'minute'],
    [1, 'second'],
  ] as const) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count} ${word}${count === 1 ? '' : 's'}`)
  }
  return parts.slice(0, 2).join(' ') || '0 seconds'
}
