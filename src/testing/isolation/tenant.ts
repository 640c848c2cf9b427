import { newTraceId } from '../../core/trace.js'
import type { Arrival } from '../recording/arrival.js'
import type { ServiceSettings, SmtpSettings } from '../test-mail/connection-settings.js'
import type { Inbox } from '../waiting/inbox.js'

/**
 * A part of a test mail for one test: addresses nobody else has, and only the mail from and to them. Its `idle()` and
 * `expectNone()` wait for what may concern it: its mail in the queue, sessions that named it, and those that have not
 * said yet whose they are. Another tenant's open session or slow delivery does not hold it up.
 */
export interface Tenant extends Inbox {
  /** Of its own: `t4k2x9qd.tenant.test`. */
  readonly domain: string
  /** An address in its domain: `tenant.address('alice')`. */
  address(localPart: string): string
  /** Who logs in: by SMTP and POP3, with every name in the domain. */
  readonly user: string
  readonly password: string
  readonly smtp: SmtpSettings
  readonly pop3: ServiceSettings
  /** As that of the test mail, with the user of the tenant. */
  env(prefix?: string): Record<string, string>
}

/** All tenants have domains below this one. */
export const tenantParent = '.tenant.test'

/** A domain that no other tenant has. */
export function tenantDomain(): string {
  return `t${newTraceId().slice(0, 10)}${tenantParent}`
}

/** Whether mail is from or to a domain, or was handed in by one of its users. */
export function concerns(domain: string): (arrival: Arrival) => boolean {
  const end = `@${domain}`
  const isOf = (address: string) => address.toLowerCase().endsWith(end)
  return ({ envelope: { sender, recipients }, session }) =>
    isOf(sender) || recipients.some(({ address }) => isOf(address)) || isOf(session?.account ?? '')
}
