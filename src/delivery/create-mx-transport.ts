import type tls from 'node:tls'
import { guardLogger } from '../core/logger.js'
import { addressesOf } from '../core/network.js'
import { parseOptions } from '../core/options.js'
import { ConnectionPool } from './connection-pool.js'
import { guardOnTls } from './guard-on-tls.js'
import { MxAttempt, type MxContext } from './mx-attempt.js'
import { mxSite } from './mx-site.js'
import {
  type MxTransportOptions,
  type MxTransportSettings,
  mtaStsDefaults,
  mxTransportSchema,
} from './options.js'
import { OwnAddresses } from './own-addresses.js'
import { RouteCache } from './route-cache.js'
import { makeSecureContext } from './secure-context.js'
import { memoryStsCache } from './tls-policy/sts-cache.js'
import { StsPolicies } from './tls-policy/sts-policies.js'
import type { Transport } from './transport.js'

/**
 * Creates the transport of the internet: looks up the mail exchangers of a destination, tries them in their order and
 * delivers over SMTP (RFC 5321 §5.1).
 * @throws MailError `OPTION_INVALID`, `CERTIFICATE_UNREADABLE` (`tlsOptions.ca`).
 */
export function createMxTransport(options: MxTransportOptions): Transport {
  const given = parseOptions('createMxTransport', mxTransportSchema(), options)
  const logger = guardLogger(given.logger)
  const settings = { ...given, logger, onTls: given.onTls && guardOnTls(given.onTls, logger) }
  const pool = new ConnectionPool(settings.clock, settings.connections)
  const secureContext = makeSecureContext('createMxTransport', settings.tlsOptions)
  const sts = stsPolicies({ ...settings, secureContext })
  const own = new OwnAddresses(settings.ownAddresses ?? addressesOf(settings.network))
  const routes = new RouteCache(settings.clock, settings.resolver)
  const context: MxContext = { ...settings, secureContext, pool, own, routes, ...(sts && { sts }) }
  return {
    deliver: (delivery, signal) => settings.clock.track(new MxAttempt(context, delivery, signal).run()),
    site: (destination, signal) => settings.clock.track(mxSite(destination, settings.resolver, signal)),
    close: async () => {
      pool.close()
      sts?.close()
    },
  }
}

function stsPolicies(settings: MxTransportSettings & { secureContext: tls.SecureContext }) {
  const { mtaSts, onTls } = settings
  if (mtaSts === false) return undefined
  const { cache = memoryStsCache(), refresh, timeout } = mtaSts === true ? mtaStsDefaults() : mtaSts
  return new StsPolicies({
    ...settings,
    cache,
    refresh,
    timeout,
    onProblem: (domain, problem) =>
      onTls?.({ domain, policy: { type: 'sts', strings: [], mxHosts: [] }, problem }),
  })
}
