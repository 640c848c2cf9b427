import type { Accounts } from '../accounts/accounts.js'
import type { MailEvents } from '../core/events.js'
import type { Logger } from '../core/logger.js'
import type { LoginThrottle } from '../core/login-throttle.js'
import type { PolicyRun } from '../policy/run-policies.js'
import type { Arrival } from '../queue/arrival.js'
import type { Router } from '../routing/router.js'
import type { AcceptBatch, AcceptResult, Storage } from '../storage/storage.js'
import type { SmtpServerEvents } from './events.js'
import type { SmtpServerSettings } from './options.js'
import type { SpoolMemory } from './spool-memory.js'

/** What all sessions of a server share. */
export interface ServerContext {
  readonly settings: SmtpServerSettings
  readonly events: MailEvents<SmtpServerEvents>
  readonly logger: Logger
  readonly accounts: Accounts | undefined
  readonly router: Router
  readonly storage: Storage
  /** Whether there is a queue to relay with. */
  readonly delivers: boolean
  /** Makes a message durable; wakes the queue for what is in it for other servers. */
  accept(batch: AcceptBatch, arrival: Arrival): Promise<AcceptResult>
  readonly policies: Omit<PolicyRun, 'onFailure'>
  readonly loginThrottle: LoginThrottle
  readonly spoolMemory: SpoolMemory
  /** Whether an address may relay without AUTH. */
  mayRelay(address: string): boolean
}
