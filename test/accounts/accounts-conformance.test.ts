import { describe, it } from 'vitest'
import { createAccounts } from '../../src/accounts/static/create-accounts.js'
import { hashPassword } from '../../src/accounts/static/password-hash.js'
import { describeAccounts } from '../../src/testing/conformance/accounts-conformance.js'

const user = { name: 'alice', password: 'Correct Horse', address: 'alice@example.test' }
const other = { name: 'bob' }
const aliases = { 'sales@example.test': 'alice@example.test' }
const catchAll = { 'rest.test': ['alice@example.test'] }

for (const [kind, keep] of [
  ['plain', async (password: string) => password],
  ['hashed', (password: string) => hashPassword(password, { ln: 10, p: 1 })],
] as const) {
  describe(`createAccounts with ${kind} passwords`, () => {
    const create = async () => {
      const users = [
        { name: user.name, password: await keep(user.password), addresses: [user.address] },
        { name: other.name, password: await keep('b'), addresses: ['bob@example.test'] },
      ]
      const accounts = createAccounts({ users, aliases, catchAll })
      return { accounts, user, other, unknownAddress: 'nobody@example.test', catchAllDomain: 'rest.test' }
    }
    describeAccounts({ describe, it, create })
  })
}
