import { z } from 'zod'
import type { Accounts } from '../accounts/accounts.js'
import { tryParseAddress } from '../core/address.js'
import { type Clock, systemClock } from '../core/clock.js'
import { tryNormalizeDomain } from '../core/domain.js'
import type { Logger } from '../core/logger.js'
import { functionSchema, lazy, shapeSchema } from '../core/options.js'
import type { Srs, Verp } from '../return-path/return-path.js'

/** Options of `createRouter`. */
export interface RouterOptions {
  /**
   * The domains whose mail is kept or forwarded here, in any form (`münchen.test` is `xn--mnchen-3ya.test`), address
   * literals of this host such as `[192.0.2.1]` among them; or a function that tells whether a domain, in A-labels and
   * lower case, is one of them.
   */
  domains: readonly string[] | ((domain: string) => boolean)
  /** Who has which address. */
  accounts: Accounts
  /**
   * What separates the user from the detail in `user+detail@…` (RFC 5233); mail goes to the user unless the whole
   * address exists. `false`: local parts are taken whole. Default: `'+'`.
   */
  detailSeparator?: string | false
  /**
   * Where mail for `postmaster` goes, of any local domain and without domain, when the accounts know no such address.
   * A server must take such mail (RFC 5321 §4.5.1): without this option, give `postmaster` of your domains to somebody.
   * Default: nobody.
   */
  postmaster?: string
  /**
   * Knows signed return addresses: a bounce to one goes where mail for its sender goes, and nowhere but to
   * `bounce:received` of the queue where nobody has that address. Default: none.
   */
  verp?: Verp
  /** Knows rewritten senders: a bounce to one goes on to the original sender. Default: none. */
  srs?: Srs
  /** By which return addresses age. Default: the system clock. */
  clock?: Clock
  /** Hears of alias loops and of aliases that lead nowhere. Default: silent. */
  logger?: Logger
}

const domainsSchema = lazy(() =>
  z.union(
    [
      z.array(
        z.string().refine(domain => tryNormalizeDomain(domain) !== undefined, { error: 'expected a domain' }),
      ),
      functionSchema<(domain: string) => boolean>('a function'),
    ],
    { error: "expected a list of domains such as ['example.test'], or a function of a domain" },
  ),
)

export const routerOptionsSchema = lazy(() =>
  z.strictObject({
    domains: domainsSchema(),
    accounts: shapeSchema<Accounts>('accounts', ['authenticate', 'find']),
    detailSeparator: z
      .union([z.literal(false), z.string().min(1).max(8)], {
        error: "expected a separator such as '+', or false",
      })
      .default('+'),
    postmaster: z
      .string()
      .refine(address => tryParseAddress(address) !== undefined, {
        error: "expected an address such as 'alice@example.test'",
      })
      .optional(),
    verp: shapeSchema<Verp>('createVerp(…)', ['encode', 'decode']).optional(),
    srs: shapeSchema<Srs>('createSrs(…)', ['forward', 'reverse']).optional(),
    clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(systemClock),
    logger: shapeSchema<Logger>('a logger', ['debug', 'info', 'warn', 'error']).optional(),
  }),
)
