import { BlockList, isIPv6 } from 'node:net'
import type { ResolvedHost } from './resolve-host.js'

/** The IP addresses of this server, known in whatever form they are written. */
export class OwnAddresses {
  readonly #list = new BlockList()
  readonly #judged = new WeakMap<ResolvedHost, boolean>()

  constructor(addresses: readonly string[]) {
    for (const address of addresses) this.#list.addAddress(address, familyOf(address))
  }

  /** Whether one of them is an address of `host`. What is known of a host serves many messages, and looking takes a while. */
  hasHost(host: ResolvedHost): boolean {
    const known = this.#judged.get(host)
    if (known !== undefined) return known
    const own = host.addresses.some(address => this.#list.check(address, familyOf(address)))
    this.#judged.set(host, own)
    return own
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4'
}
