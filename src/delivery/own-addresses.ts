import { BlockList, isIPv6 } from 'node:net'

/** The IP addresses of this server, known in whatever form they are written. */
export class OwnAddresses {
  readonly #list = new BlockList()

  constructor(addresses: readonly string[]) {
    for (const address of addresses) this.#list.addAddress(address, familyOf(address))
  }

  has(address: string): boolean {
    return this.#list.check(address, familyOf(address))
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4'
}
