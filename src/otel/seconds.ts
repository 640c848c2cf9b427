/** Seconds between two instants in milliseconds; a clock that was set back makes no negative time. */
export function seconds(from: number, to: number): number {
  return Math.max(to - from, 0) / 1_000
}
