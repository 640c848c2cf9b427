import { type Address, formatAddress, parseAddress } from '../core/address.js'
import { normalizeDomain, tryNormalizeDomain } from '../core/domain.js'
import { MailError } from '../core/error.js'
import { guardLogger, type Logger, silentLogger } from '../core/logger.js'
import { parseOptions } from '../core/options.js'
import { replies } from '../smtp/reply.js'
import { createDestinationLookup } from './destination-lookup.js'
import { type ExpansionSources, expandRecipient } from './expand-recipient.js'
import { type RouterOptions, routerOptionsSchema } from './options.js'
import type { Route, Router } from './router.js'

/**
 * Creates the router of a host. A recipient in a local domain is looked up among the accounts as it is written, then
 * without its detail, then as the domain's catch-all, and its aliases are followed to their ends: mailboxes here and
 * addresses elsewhere. One that nobody has is rejected with `550 5.1.1`, aliases that only lead in a circle with
 * `550 5.4.6`. An alias loses members that do not exist as long as one is left.
 *
 * Return addresses that `verp` and `srs` wrote are followed back to the sender in them.
 *
 * A recipient elsewhere is accepted as a relay; who may relay is for the caller to decide. Nothing inside a local part
 * ever routes: `%`, `!` and `@` there (RFC 5321 §C, RFC 2505 §2.3) are letters like others.
 * @throws MailError `OPTION_INVALID`.
 */
export function createRouter(options: RouterOptions): Router {
  const {
    domains,
    logger = silentLogger,
    verp,
    srs,
    clock,
    ...rest
  } = parseOptions('createRouter', routerOptionsSchema(), options)
  const lookup = createDestinationLookup({ ...rest, postmaster: rest.postmaster })
  const home = typeof domains === 'function' || !domains[0] ? '' : normalizeDomain(domains[0])
  const knows = typeof domains === 'function' ? domains : localSet(domains)
  const isLocal = (domain: string) => {
    const normal = tryNormalizeDomain(domain)
    return normal !== undefined && knows(normal)
  }
  const sources = { lookup, isLocal }
  const log = guardLogger(logger)
  const route = async (address: Address): Promise<Route> => {
    if (address.domain !== '' && !isLocal(address.domain)) {
      return { kind: 'accept', local: [], remote: [formatAddress(address)], relay: true }
    }
    const now = clock.now()
    const forwardedFrom = srs?.reverse(address, now)
    if (forwardedFrom !== undefined) return routeReturn(parseAddress(forwardedFrom), route)
    const signed = verp?.decode(address, now)
    if (signed) return routeReturn(parseAddress(signed.sender), route)
    // Awaited here: a promise that is returned from an async function takes two turns more.
    return await routeLocal(address, sources, log)
  }
  return { isLocal, route: async recipient => await route(parseRecipient(recipient, home)) }
}

/**
 * Where mail to a return address of ours goes: whoever may write to it may, by our own signature, reach the sender in
 * it. A sender whom nobody has is one of the app, which hears of the bounce by the queue's event.
 */
async function routeReturn(sender: Address, route: (address: Address) => Promise<Route>): Promise<Route> {
  const found = await route(sender)
  if (found.kind === 'accept') return { ...found, relay: false }
  return { kind: 'accept', local: [], remote: [], relay: false }
}

function localSet(domains: readonly string[]): (domain: string) => boolean {
  const normal = new Set(domains.map(normalizeDomain))
  return domain => normal.has(domain)
}

/** `postmaster` alone is the one address without a domain (RFC 5321 §4.1.1.3); it is that of the first domain. */
function parseRecipient(recipient: string, home: string): Address {
  return /^postmaster$/i.test(recipient) ? { localPart: recipient, domain: home } : parseAddress(recipient)
}

async function routeLocal(recipient: Address, sources: ExpansionSources, logger: Logger): Promise<Route> {
  const wire = formatAddress(recipient)
  try {
    const { local, remote, unknown } = await expandRecipient(recipient, sources)
    const missing = unknown.filter(address => address !== wire)
    if (missing.length > 0)
      logger.warn({ recipient: wire, missing }, 'an alias has members that do not exist')
    const reached = local.length + remote.length > 0
    return reached
      ? { kind: 'accept', local, remote, relay: false }
      : { kind: 'reject', reply: replies.noSuchUser }
  } catch (error) {
    if (!(error instanceof MailError) || error.code !== 'ALIAS_LOOP' || !error.reply) throw error
    logger.warn({ recipient: wire }, error.message)
    return { kind: 'reject', reply: error.reply }
  }
}
