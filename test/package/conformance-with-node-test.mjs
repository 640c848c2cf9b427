/** The suite of the storage contract under the runner of Node.js, by the package's own name: as others run it. */
import { describe, it } from 'node:test'
import { memoryStorage } from 'posthorn'
import { sqliteStorage } from 'posthorn/sqlite'
import { describeStorage } from 'posthorn/testing/conformance'

const missing =
  process.env['POSTHORN_REQUIRE_TOOLS'] !== '1' &&
  (await sqliteStorage({ path: ':memory:' })
    .open()
    .then(
      () => false,
      problem => problem.message,
    ))

describe('memoryStorage', () => {
  describeStorage({ describe, it, create: () => memoryStorage() })
})

describe('sqliteStorage', { skip: missing }, () => {
  describeStorage({ describe, it, create: () => sqliteStorage({ path: ':memory:' }) })
})
