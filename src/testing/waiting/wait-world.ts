import type { VirtualClock } from '../../core/virtual-clock.js'
import type { DeliveryQueue } from '../../queue/delivery-queue.js'
import type { TestMessage } from '../messages/test-message.js'
import type { Arrival } from '../recording/arrival.js'
import type { MailLog } from '../recording/mail-log.js'
import type { SessionLog } from '../recording/session-log.js'

/** What waiting looks at. */
export interface WaitWorld {
  readonly log: Pick<MailLog, 'last' | 'after' | 'onArrival'>
  readonly sessions: Pick<SessionLog, 'sessions' | 'busy' | 'onChange'>
  readonly queue: Pick<DeliveryQueue, 'list' | 'idle' | 'on' | 'paused'>
  readonly clock: VirtualClock
  /** In milliseconds. */
  readonly waitTimeout: number
  /** Aborted when the test mail is closed. */
  readonly closed: AbortSignal
  /** The message of an arrival; reads it once. */
  read(arrival: Arrival): Promise<TestMessage>
}
