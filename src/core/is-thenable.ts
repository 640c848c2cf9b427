/**
 * Whether something is answered later. Not all of that is a `Promise`: libraries have their own, and those of Node.js are
 * of another realm where a runner (Jest) gives each test file one of its own.
 */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  )
}
