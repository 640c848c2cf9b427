/** Two resolvers of one's own: one over a table, and one that asks the table first and DNS about the rest. */
import assert from 'node:assert/strict'
import { createDnsZone } from 'posthorn'
import { firstKnown } from './first-known.ts'
import { type Row, TableResolver } from './table-resolver.ts'

const table = new Map<string, Row>([
  ['partner.test', { MX: [{ preference: 10, exchange: 'relay.inside.test' }] }],
  ['relay.inside.test', { A: ['10.0.0.25'] }],
])
const inside = new TableResolver(async name => table.get(name))
// In production: createDnsResolver()
const outside = createDnsZone({
  'partner.test': { mx: 'mx.partner.test' },
  'rome.test': { mx: 'mx.rome.test' },
})
const resolver = firstKnown(inside, outside)

const exchanger = async (domain: string) => {
  const answer = await resolver.mx(domain)
  return answer.status === 'found' ? answer.records[0]?.exchange : answer.status
}
assert.equal(await exchanger('Partner.test'), 'relay.inside.test')
assert.equal(await exchanger('rome.test'), 'mx.rome.test')
assert.equal(await exchanger('nowhere.test'), 'not-found')
assert.equal((await resolver.addresses('relay.inside.test')).status, 'found')
await resolver.close()
console.log('The table is asked first, DNS about the rest')
