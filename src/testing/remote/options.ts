import { z } from 'zod'
import { type Clock, systemClock } from '../../core/clock.js'
import { type Network, nodeNetwork } from '../../core/network.js'
import { functionSchema, lazy, shapeSchema } from '../../core/options.js'
import { type TlsOptions, tlsOptionsSchema } from '../../core/tls-credentials.js'
import type { Script } from './script.js'

/** Options of `createScriptedServer`. */
export interface ScriptedServerOptions {
  /** The name it gives itself. Default: `'scripted.test'`. */
  hostname?: string
  /**
   * `'lmtp'` takes LHLO alone, and answers the message once for each recipient that was taken (RFC 2033). Default:
   * `'smtp'`.
   */
  protocol?: 'smtp' | 'lmtp'
  /** Where it listens. Default: the network of the machine. */
  network?: Network
  /** What its delays, greylists and limits run on. Default: the clock of the machine. */
  clock?: Clock
  /** Key and certificate. With them STARTTLS is offered, unless `extensions` are given. Default: none. */
  tls?: TlsOptions
  /** Encrypts from the start of each connection. Default: `false`. */
  implicitTls?: boolean
  /** What the reply to EHLO offers, to the letter. Default: PIPELINING, 8BITMIME, SIZE, ENHANCEDSTATUSCODES, CHUNKING, and STARTTLS as long as it can be used. */
  extensions?: readonly string[]
  /** What it does, by point: for all connections, or for each in turn, the last of which repeats. Rules go before it. */
  script?: Script | readonly Script[]
  /** A number from 0 to below 1, for what happens by chance. Default: `Math.random`. */
  random?: () => number
}

/** The schema of {@link ScriptedServerOptions}. */
export const scriptedServerSchema = lazy(() =>
  z.strictObject({
    hostname: z.string().default('scripted.test'),
    protocol: z.enum(['smtp', 'lmtp']).default('smtp'),
    network: shapeSchema<Network>('a network', ['listen', 'connect']).default(() => nodeNetwork),
    clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(
      () => systemClock,
    ),
    tls: tlsOptionsSchema().optional(),
    implicitTls: z.boolean().default(false),
    extensions: z.array(z.string()).optional(),
    script: z
      .custom<Script | readonly Script[]>(value => typeof value === 'object' && value !== null, {
        error: 'expected steps by point, or a list of such',
      })
      .default({}),
    random: functionSchema<() => number>('a function').default(() => Math.random),
  }),
)

/** {@link ScriptedServerOptions} with their defaults. */
export type ScriptedServerSettings = z.output<ReturnType<typeof scriptedServerSchema>>
