import { MailError } from '../core/error.js'

/**
 * Settles as a function of the app does, or rejects once `signal` is aborted, whether the function heeds it or not.
 * @throws MailError `ABORTED`.
 */
export function unlessAborted<T>(call: () => T | Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(new MailError('ABORTED', 'the attempt was ended', { temporary: true }))
    if (signal.aborted) return end()
    signal.addEventListener('abort', end, { once: true })
    const stop = () => signal.removeEventListener('abort', end)
    Promise.resolve().then(call).then(resolve, reject).finally(stop)
  })
}
