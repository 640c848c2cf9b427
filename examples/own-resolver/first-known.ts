import type { DnsAnswer, Resolver } from 'posthorn'

/** A resolver that asks `known` first, and `others` about the names that `known` has not heard of. */
export function firstKnown(known: Resolver, others: Resolver): Resolver {
  async function ask<Record>(lookup: (resolver: Resolver) => Promise<DnsAnswer<Record>>) {
    const answer = await lookup(known)
    const unheardOf = answer.status === 'not-found' && answer.reason === 'nxdomain'
    return unheardOf ? lookup(others) : answer
  }
  return {
    mx: (domain, options) => ask(resolver => resolver.mx(domain, options)),
    addresses: (host, options) => ask(resolver => resolver.addresses(host, options)),
    txt: (name, options) => ask(resolver => resolver.txt(name, options)),
    tlsa: (name, options) => ask(resolver => resolver.tlsa(name, options)),
    ptr: (address, options) => ask(resolver => resolver.ptr(address, options)),
    close: async () => {
      await Promise.all([known.close(), others.close()])
    },
  }
}
