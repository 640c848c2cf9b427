import { z } from 'zod'
import { type Clock, systemClock } from '../../core/clock.js'
import type { Duration } from '../../core/duration.js'
import { type Network, nodeNetwork } from '../../core/network.js'
import { durationSchema, lazy, shapeSchema } from '../../core/options.js'
import type { Authority } from '../authority.js'

/** Options of {@link createDnsServer}. */
export interface DnsServerOptions {
  /** Where the answers come from; every zone of `createDnsZone` is one. */
  zone: Authority
  /** TCP connections open at once; more are closed at once. Default: `100`. */
  maxConnections?: number
  /** How long a TCP connection may stay without a whole question. Default: `'10s'`. */
  idleTimeout?: Duration
  /** Default: the clock of the machine. */
  clock?: Clock
  /** Where TCP is listened on. UDP is always the machine's. Default: the network of the machine. */
  network?: Network
}

export const dnsServerOptionsSchema = lazy(() =>
  z.strictObject({
    zone: shapeSchema<Authority>('a zone', ['query']),
    maxConnections: z.int().min(1).default(100),
    idleTimeout: durationSchema.default(10_000),
    clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(systemClock),
    network: shapeSchema<Network>('a network', ['listen', 'connect']).default(nodeNetwork),
  }),
)

/** {@link DnsServerOptions} with everything filled in, durations in milliseconds. */
export type DnsServerSettings = z.infer<ReturnType<typeof dnsServerOptionsSchema>>
