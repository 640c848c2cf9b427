import { describeError, MailError } from '../core/error.js'
import type { MailEvents } from '../core/events.js'
import type { Logger } from '../core/logger.js'
import type { Router } from '../routing/router.js'
import type { DeliveryQueueEvents } from './events.js'
import type { DeliveryQueueSettings } from './options.js'

/** What the parts of one queue share. */
export interface QueueContext {
  readonly settings: DeliveryQueueSettings
  readonly events: MailEvents<DeliveryQueueEvents>
  readonly logger: Logger
  /** Trace id of what concerns the queue and no message. */
  readonly traceId: string
  /** Knows which recipients are local, once the queue was told. */
  readonly router: Router | undefined
}

/** Tells of a driver that failed; the queue goes on. */
export function reportError(
  context: QueueContext,
  during: string,
  thrown: unknown,
  traceId = context.traceId,
): void {
  const error = thrown instanceof Error ? thrown : new Error(describeError(thrown))
  context.logger.error({ traceId, during, error: error.message }, 'the delivery queue goes on after an error')
  context.events.emit('queue:error', { traceId, error, during })
}

/** Calls storage for the app: what a driver throws becomes a MailError. @throws MailError `STORAGE_FAILED`, or the driver's own. */
export async function callStorage<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (thrown) {
    if (thrown instanceof MailError) throw thrown
    const message = `${what}: the storage failed: ${describeError(thrown)}`
    throw new MailError('STORAGE_FAILED', message, { temporary: true, cause: thrown })
  }
}
