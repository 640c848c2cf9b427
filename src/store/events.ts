import type { MailError } from '../core/error.js'
import type { RetentionResult } from './retention/retention.js'

/** Events of a {@link MailStore}. */
export interface MailStoreEvents {
  /** A run of retention ended; tells what went, if anything did. */
  'retention:applied': RetentionResult & { traceId: string }
  /** A run of retention could not be finished; the next one tries again. */
  'retention:failed': { traceId: string; error: MailError }
}
