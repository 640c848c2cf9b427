/** A server in a process of its own, `serve.ts <peer> <folder>`, that tells its port by IPC. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { builtPackage, builtSqlite } from '../shared/built-package.js'
import { EagerServer } from '../shared/eager-server.js'

const [, , peer, folder = '.'] = process.argv
if (peer === 'posthorn') await servePosthorn()
else serveBare(peer === 'bare-fsync' ? keepSynced : async () => {})

async function servePosthorn(): Promise<void> {
  const { createAccounts, createMailStore, createSmtpServer } = await builtPackage()
  const { sqliteStorage } = await builtSqlite()
  const accounts = createAccounts({
    users: [{ name: 'alice', password: 'secret', addresses: ['alice@example.test'] }],
  })
  const storage = sqliteStorage({ path: join(folder, 'mail.db') })
  const server = createSmtpServer({
    hostname: 'mx.example.test',
    domains: ['example.test'],
    accounts,
    store: createMailStore({ storage }),
    limits: { connectionsPerAddress: 1_000 },
  })
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
  process.send?.({ port })
}

let files = 0

async function keepSynced(message: Buffer): Promise<void> {
  const file = await open(join(folder, String(++files)), 'wx')
  await file.write(message)
  await file.sync()
  await file.close()
}

function serveBare(keep: (message: Buffer) => Promise<void>): void {
  const server = new EagerServer({
    logger: false,
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onData: (stream, _session, callback) => {
      const chunks: Buffer[] = []
      stream.on('data', chunk => chunks.push(chunk))
      stream.on('end', () => keep(Buffer.concat(chunks)).then(() => callback(), callback))
    },
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.server.address()
    process.send?.({ port: typeof address === 'object' ? address?.port : undefined })
  })
}
