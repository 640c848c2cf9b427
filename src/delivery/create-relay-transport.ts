import { isIP } from 'node:net'
import { guardLogger } from '../core/logger.js'
import { createDnsResolver } from '../dns/create-dns-resolver.js'
import { ConnectionPool } from './connection-pool.js'
import { guardOnTls } from './guard-on-tls.js'
import type { RelayServer } from './open-relay-session.js'
import { RelayAttempt } from './relay-attempt.js'
import type { RelaySettings } from './relay-options.js'
import { makeSecureContext } from './secure-context.js'
import { SlotGate } from './slot-gate.js'
import type { Transport } from './transport.js'

/** A transport to some servers, one site whoever the mail is for. `factory` is named in errors. */
export function createRelayTransport(
  factory: string,
  settings: RelaySettings,
  servers: readonly RelayServer[],
): Transport {
  const { clock, connections, concurrency, tlsOptions, localAddress } = settings
  const logger = guardLogger(settings.logger)
  const pool = new ConnectionPool(clock, connections)
  const needsNames = servers.some(({ host, path }) => path === undefined && isIP(host) === 0)
  const ownResolver = needsNames && !settings.resolver ? createDnsResolver() : undefined
  const context = {
    ...settings,
    localAddress,
    servers,
    logger,
    onTls: guardOnTls(settings.onTls, logger),
    secureContext: makeSecureContext(factory, tlsOptions),
    resolver: needsNames ? (settings.resolver ?? ownResolver) : undefined,
    gate: new SlotGate(concurrency),
    pool,
  }
  const site = servers.map(({ host, port, path }) => path ?? `${host}:${port}`).join(' ')
  return {
    deliver: (delivery, signal) => clock.track(new RelayAttempt(context, delivery, signal).run()),
    site: async () => site,
    close: async () => {
      pool.close()
      await ownResolver?.close()
    },
  }
}
