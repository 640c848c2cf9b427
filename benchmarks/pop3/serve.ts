/** A POP3 server in a process of its own, `serve.ts <database>`, that tells its port by IPC. */
import { builtPackage, builtSqlite } from '../shared/built-package.js'
import { users } from './users.js'

const { createAccounts, createMailStore, createPop3Server } = await builtPackage()
const { sqliteStorage } = await builtSqlite()
const path = process.argv[2] ?? 'mail.db'
const accounts = createAccounts({
  users: users.map(name => ({ name, password: 'secret', addresses: [`${name}@example.test`] })),
})
const storage = sqliteStorage({ path })
// As a server that has run for a while, the peer too.
await storage.open()
const store = createMailStore({ storage })
const server = createPop3Server({ accounts, store, allowInsecureAuth: true })
const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
process.send?.({ port })
