import type { Resolver } from './resolver.js'
import { createSystemResolver } from './system/create-system-resolver.js'
import type { SystemResolverOptions } from './system/options.js'
import { createWireResolver } from './wire/create-wire-resolver.js'
import type { WireResolverOptions } from './wire/options.js'

/** Options of {@link createDnsResolver}: with `servers`, those of a resolver of its own; without, those of the system's. */
export type DnsResolverOptions = (SystemResolverOptions & { servers?: never }) | WireResolverOptions

/**
 * Creates a resolver. Without `servers` it asks as the operating system is set up, through `node:dns`; with them it
 * asks those, keeps answers for their TTL and can tell whether they were validated by DNSSEC.
 * @throws MailError `OPTION_INVALID`, for an option that the kind of resolver has not as well.
 */
export function createDnsResolver(options: DnsResolverOptions = {}): Resolver {
  if (options.servers !== undefined) return createWireResolver(options)
  const { servers, ...system } = options
  return createSystemResolver(system)
}
