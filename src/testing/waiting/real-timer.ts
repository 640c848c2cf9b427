/**
 * The timers of the machine, taken when this module is loaded: a wait must end even where a test has put fake ones in
 * their place since.
 */
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis

/** Calls `action` once after so many real milliseconds. Returns what takes that back. Keeps the process alive. */
export function afterRealTime(milliseconds: number, action: () => void): () => void {
  const timer = startTimer(action, Math.min(milliseconds, 2_147_483_647))
  return () => stopTimer(timer)
}

/** A turn of the event loop, whatever a test has put in the place of `setImmediate`. */
export const immediately: typeof setImmediate = globalThis.setImmediate
