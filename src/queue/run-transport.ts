import { formatDuration } from '../core/duration.js'
import { MailError } from '../core/error.js'
import type { Delivery } from '../delivery/transport.js'
import type { QueueContext } from './queue-context.js'

/** How long a transport may take to end after its signal. */
const afterSignal = 30_000

/**
 * Lets the transport work until it is done, or its time is over (`controller` is then aborted), or it was told to end
 * and does not. Resolves to whatever it answers.
 * @throws what the transport throws; MailError `TIMEOUT`, or the reason of `controller`, when it does not end.
 */
export async function runTransport(
  context: QueueContext,
  delivery: Delivery,
  controller: AbortController,
): Promise<unknown> {
  const { clock, attemptTimeout, transport } = context.settings
  const { signal } = controller
  signal.throwIfAborted()
  const timers = [clock.schedule(attemptTimeout, () => controller.abort(overdue(attemptTimeout)))]
  let lastWait = () => {}
  const endless = new Promise<never>((_, reject) => {
    lastWait = () => timers.push(clock.schedule(afterSignal, () => reject(signal.reason)))
  })
  signal.addEventListener('abort', lastWait, { once: true })
  try {
    return await Promise.race([transport.deliver(delivery, signal), endless])
  } finally {
    signal.removeEventListener('abort', lastWait)
    for (const timer of timers) timer.cancel()
  }
}

function overdue(limit: number): MailError {
  return new MailError('TIMEOUT', `the attempt took longer than ${formatDuration(limit)}`, {
    temporary: true,
  })
}
