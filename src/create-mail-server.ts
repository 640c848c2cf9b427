import type { z } from 'zod'
import { MailError } from './core/error.js'
import type { CloseOptions } from './core/lifecycle.js'
import { createLoginThrottle } from './core/login-throttle.js'
import type { Listener } from './core/network.js'
import { parseOptions } from './core/options.js'
import { createDnsResolver } from './dns/create-dns-resolver.js'
import {
  type BoundListeners,
  listenersSchema,
  type MailServer,
  type MailServerListeners,
  type MailServerOptions,
  mailServerSchema,
  type ServiceAddress,
} from './mail-server.js'
import { createPop3Server } from './pop3/create-pop3-server.js'
import { createDeliveryQueue } from './queue/create-delivery-queue.js'
import { createRouter } from './routing/create-router.js'
import { createSmtpServer } from './smtp-server/create-smtp-server.js'
import { memoryStorage } from './storage/memory/memory-storage.js'
import { createMailStore } from './store/create-mail-store.js'

/**
 * Creates a whole mail host in one call: store, queue, SMTP and POP3 over one storage, clock, network and list of
 * accounts. Nothing is opened before `listen`. A host that wants it otherwise is put together from the same parts.
 * @throws MailError `OPTION_INVALID`, `CERTIFICATE_UNREADABLE`.
 */
export function createMailServer(options: MailServerOptions): MailServer {
  const settings = parseOptions('createMailServer', mailServerSchema(), options)
  const parts = createParts(settings)
  let closing: Promise<void> | undefined
  const close = (given: CloseOptions = {}) => {
    closing ??= closeParts(parts, settings, { grace: given.grace ?? settings.closeTimeout })
    return closing
  }
  return {
    ...parts,
    hostname: settings.hostname,
    listen: async listeners => {
      if (closing) throw new MailError('CLOSED', 'the mail server is closed')
      return openListeners(parts, listeners)
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}

type Settings = z.output<ReturnType<typeof mailServerSchema>>
type Parts = Omit<MailServer, 'hostname' | 'listen' | 'close' | typeof Symbol.asyncDispose>

function createParts(settings: Settings): Parts {
  const { hostname, domains, accounts, postmaster, clock, network, logger, retry, policies } = settings
  const { storage = memoryStorage(), resolver = createDnsResolver() } = settings
  const around = { clock, network, logger }
  const store = createMailStore({ clock, logger, ...settings.store, storage })
  const queue = createDeliveryQueue({
    hostname,
    storage,
    resolver,
    ...around,
    ...(retry && { retry }),
    ...settings.queue,
  })
  const guard = { ...(settings.tls && { tls: settings.tls }), loginThrottle: createLoginThrottle({ clock }) }
  const checks = policies && { policies }
  const { verp, srs } = queue
  const returns = { ...(verp && { verp }), ...(srs && { srs }) }
  const routing = postmaster !== undefined && {
    router: createRouter({ domains, accounts, postmaster, logger, clock, ...returns }),
  }
  const smtp = createSmtpServer({
    hostname,
    domains,
    accounts,
    store,
    queue,
    ...around,
    ...guard,
    ...checks,
    ...routing,
    ...settings.smtp,
  })
  const pop3 = createPop3Server({ accounts, store, ...around, ...guard, ...settings.pop3 })
  return { accounts, storage, resolver, store, queue, smtp, pop3 }
}

type Open = (parts: Parts, where: ServiceAddress & { path: string }) => Promise<Listener>

/** How each service listens. */
const services: { readonly [Service in keyof MailServerListeners]-?: Open } = {
  smtp: ({ smtp }, where) => smtp.listen({ ...where, kind: 'smtp' }),
  submission: ({ smtp }, where) => smtp.listen({ ...where, kind: 'submission' }),
  submissions: ({ smtp }, where) => smtp.listen({ ...where, kind: 'submission', tls: 'implicit' }),
  lmtp: ({ smtp }, where) => smtp.listen({ ...where, kind: 'lmtp' }),
  pop3: ({ pop3 }, where) => pop3.listen(where),
  pop3s: ({ pop3 }, where) => pop3.listen({ ...where, tls: 'implicit' }),
}

async function openListeners(parts: Parts, wanted: MailServerListeners): Promise<BoundListeners> {
  const bound: { [Service in keyof MailServerListeners]: Listener } = {}
  // The whole of it is checked before anything is opened.
  const places = parseOptions('listen', listenersSchema(), wanted)
  for (const [service, where] of Object.entries(places)) {
    const name = service as keyof MailServerListeners
    if (where) bound[name] = await services[name](parts, where as ServiceAddress & { path: string })
  }
  return bound
}

/** What takes mail in ends first, what it is kept in last. What was handed in is its owner's to close. */
async function closeParts(parts: Parts, given: Settings, options: CloseOptions): Promise<void> {
  await Promise.all([parts.smtp.close(options), parts.pop3.close(options)])
  await parts.queue.close(options)
  await parts.store.close()
  if (!given.resolver) await parts.resolver.close()
  if (!given.storage) await parts.storage.close()
}
