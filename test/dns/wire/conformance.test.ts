import { describe, it } from 'vitest'
import { createDnsResolver } from '../../../src/dns/create-dns-resolver.js'
import { createDnsServer } from '../../../src/dns/server/create-dns-server.js'
import { describeResolver } from '../../../src/testing/conformance/resolver-conformance.js'

describeResolver({
  describe,
  it,
  create: async zone => {
    const dns = createDnsServer({ zone })
    const { server } = await dns.listen({ port: 0 })
    const resolver = createDnsResolver({ servers: [server], trustAd: true, randomCase: true })
    return { resolver, close: () => dns.close() }
  },
})
