import { MailError } from '../core/error.js'
import { MailEvents } from '../core/events.js'
import { guardLogger, silentLogger } from '../core/logger.js'
import { createLoginThrottle } from '../core/login-throttle.js'
import { parseOptions } from '../core/options.js'
import { readTlsOptions } from '../core/tls-credentials.js'
import { createRouter } from '../routing/create-router.js'
import type { Router } from '../routing/router.js'
import type { Storage } from '../storage/storage.js'
import type { ServerContext } from './context.js'
import { ListeningServer } from './listening-server.js'
import {
  createNetworkCheck,
  type SmtpServerOptions,
  type SmtpServerSettings,
  smtpServerOptionsSchema,
} from './options.js'
import type { SmtpServer } from './smtp-server.js'
import { createSpoolMemory } from './spool-memory.js'

/**
 * Creates an SMTP server, which also speaks LMTP and takes submissions, by the kinds of its listeners. A message is
 * answered with `250` once it is durable for all its recipients, local ones in the store and others in the queue,
 * and not before. Only users who logged in, and clients of `relayNetworks`, may write to other servers.
 *
 * Offered: STARTTLS, AUTH (PLAIN, LOGIN), PIPELINING, SIZE, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES, DSN, REQUIRETLS
 * and LIMITS. Not offered: CHUNKING, BINARYMIME.
 * @throws MailError `OPTION_INVALID`, `CERTIFICATE_UNREADABLE`.
 */
export function createSmtpServer(options: SmtpServerOptions): SmtpServer {
  const settings = parseOptions('createSmtpServer', smtpServerOptionsSchema(), options)
  const credentials = settings.tls ? readTlsOptions('createSmtpServer', settings.tls) : undefined
  const router = routerOf(settings)
  if (settings.queue && settings.queue.router === undefined) settings.queue.useRouter(router)
  return new ListeningServer(contextOf(settings, router), { credentials, queue: settings.queue })
}

function contextOf(settings: SmtpServerSettings, router: Router): ServerContext {
  const { queue, accounts, clock, policies, policyTimeout } = settings
  const storage = storageOf(settings)
  const logger = guardLogger(settings.logger ?? silentLogger)
  return {
    settings,
    logger,
    router,
    storage,
    accounts,
    events: new MailEvents(logger),
    delivers: queue !== undefined,
    accept: (batch, arrival) => (queue ? queue.accept(batch, arrival) : storage.accept(batch)),
    policies: { policies, clock, timeout: policyTimeout },
    loginThrottle: settings.loginThrottle ?? createLoginThrottle({ clock }),
    spoolMemory: createSpoolMemory(settings.spool),
    mayRelay: createNetworkCheck(settings.relayNetworks),
  }
}

function routerOf({ router, domains, accounts, logger, queue, clock }: SmtpServerSettings): Router {
  if (router) return router
  const { verp, srs } = queue ?? {}
  const returns = { clock, ...(verp && { verp }), ...(srs && { srs }) }
  if (domains && accounts)
    return createRouter({ domains, accounts, ...returns, ...(logger ? { logger } : {}) })
  throw wrongOption(domains ? 'accounts' : 'domains', 'expected it, or a router, got nothing')
}

function storageOf({ store, queue }: SmtpServerSettings): Storage {
  const storage = store?.storage ?? queue?.storage
  if (!storage) throw wrongOption('store', 'expected a store, a queue or both, got neither')
  if (queue && queue.storage !== storage) {
    throw wrongOption(
      'queue',
      'expected one on the same storage as the store, got one on another: a message is kept for both in one commit',
    )
  }
  return storage
}

function wrongOption(option: string, problem: string): MailError {
  return new MailError('OPTION_INVALID', `createSmtpServer: ${option}: ${problem}`)
}
