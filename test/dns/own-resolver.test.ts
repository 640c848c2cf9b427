import { describe, expect, it } from 'vitest'
import { firstKnown } from '../../examples/own-resolver/first-known.js'
import { TableResolver } from '../../examples/own-resolver/table-resolver.js'
import { createDnsZone } from '../../src/dns/zone/create-dns-zone.js'
import { describeResolver } from '../../src/testing/conformance/resolver-conformance.js'

describe('a resolver that asks another first', () => {
  const create = (zone: ReturnType<typeof createDnsZone>) => ({ resolver: firstKnown(createDnsZone(), zone) })
  describeResolver({ describe, it, create })
})

describe('a resolver over a table', () => {
  const rows = new Map([['mx.rome.test', { A: ['192.0.2.1'], AAAA: ['2001:db8::1'], TXT: [] }]])
  const resolver = new TableResolver(async name => {
    if (name === 'broken.test') throw new Error('the database is down')
    return rows.get(name)
  })

  it('finds, misses and fails', async () => {
    expect(await resolver.addresses('MX.Rome.test.')).toMatchObject({
      status: 'found',
      records: { length: 2 },
    })
    expect(await resolver.txt('mx.rome.test')).toMatchObject({ reason: 'nodata' })
    expect(await resolver.mx('__proto__')).toMatchObject({ reason: 'nxdomain' })
    expect(await resolver.mx('broken.test')).toMatchObject({
      status: 'temporary-failure',
      detail: 'the resolver threw: the database is down',
    })
  })
})
