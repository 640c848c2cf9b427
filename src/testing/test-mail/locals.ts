import { type Accounts, type Credentials, hasCatchAll } from '../../accounts/accounts.js'
import { normalizeDomain } from '../../core/domain.js'
import { MailError } from '../../core/error.js'
import { type Network, nodeNetwork } from '../../core/network.js'
import type { DnsZone } from '../../dns/zone/create-dns-zone.js'
import { anyAccounts } from './any-accounts.js'

/** A server of the app that mail for a domain is delivered to. */
export interface RouteTarget {
  /** Default: `127.0.0.1`. */
  host?: string
  port: number
}

/** Which domains are kept here, which are delivered to the app, and which belong to tenants. Changes while it runs. */
export class Locals {
  readonly #domains: ReadonlySet<string> | undefined
  readonly #tenants = new Map<string, string>()
  readonly #routes = new Map<string, Required<RouteTarget>>()
  readonly #routed = new Set<string>()

  /** @param domains - those kept here. Default: all. */
  constructor(domains: readonly string[] | undefined) {
    this.#domains = domains && new Set(domains.map(normalizeDomain))
  }

  isLocal(domain: string): boolean {
    if (this.#tenants.has(domain)) return true
    return !this.#routed.has(domain) && (this.#domains?.has(domain) ?? true)
  }

  addTenant(domain: string, password: string): void {
    this.#tenants.set(domain, password)
  }

  /** Has mail for a domain delivered to a server on this machine, by an address that the DNS gives it. */
  route(domain: string, target: RouteTarget, dns: DnsZone): void {
    const name = normalizeDomain(domain)
    const number = this.#routes.size + 1
    if (number > 254) throw new MailError('OPTION_INVALID', 'route: got more than 254 domains')
    // TEST-NET-2 of RFC 5737: nobody has such an address.
    const address = `198.51.100.${number}`
    this.#routes.set(address, { host: target.host ?? '127.0.0.1', port: target.port })
    this.#routed.add(name)
    dns.set(name, { mx: `mx.${name}` })
    dns.set(`mx.${name}`, { a: address })
  }

  /** Clients come by the machine's loopback; what is delivered goes to routed domains, or by `outside`. */
  network(outside: Pick<Network, 'connect'>): Network {
    return {
      listen: nodeNetwork.listen,
      connect: options => {
        const target = this.#routes.get(options.host ?? '')
        if (!target) return outside.connect(options)
        return nodeNetwork.connect({ ...target, ...(options.signal && { signal: options.signal }) })
      },
    }
  }

  /** Accounts that know the tenants beside those of `others`. */
  accounts(others: Accounts): Accounts {
    const own = anyAccounts('')
    const passwordOf = ({ username }: Credentials) =>
      this.#tenants.get(username.slice(username.lastIndexOf('@') + 1).toLowerCase())
    return {
      ...(hasCatchAll(others) && { findCatchAll: (domain: string) => others.findCatchAll(domain) }),
      authenticate: async credentials => {
        const password = passwordOf(credentials)
        if (password === undefined) return others.authenticate(credentials)
        return password === credentials.password ? own.authenticate(credentials) : undefined
      },
      find: address => (this.#tenants.has(address.domain) ? own : others).find(address),
    }
  }
}
