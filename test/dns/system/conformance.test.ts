import { Resolver } from 'node:dns/promises'
import { describe, it } from 'vitest'
import { createDnsServer } from '../../../src/dns/server/create-dns-server.js'
import { createSystemResolver } from '../../../src/dns/system/create-system-resolver.js'
import { describeResolver } from '../../../src/testing/conformance/resolver-conformance.js'

describeResolver({
  describe,
  it,
  create: async zone => {
    const dns = createDnsServer({ zone })
    const { server } = await dns.listen({ port: 0 })
    return { resolver: createSystemResolver({ nameservers: [server] }), close: () => dns.close() }
  },
  powers: { ttl: false, secure: false, tlsa: 'resolveTlsa' in Resolver.prototype },
})
