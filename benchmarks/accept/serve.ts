/**
 * A server in a process of its own, `serve.ts <peer>`, that tells its port by IPC. Any message empties its store and
 * is answered with the processor time spent so far.
 */
import { SMTPServer } from 'smtp-server/lib/smtp-server.js'
import { builtPackage } from '../shared/built-package.js'
import { EagerServer } from '../shared/eager-server.js'

/**
 * What may be compared: `bare` is smtp-server, as it is (it sets Nagle off itself) or with its greeting delay taken
 * away; it keeps each message in memory, as posthorn does, or throws it away.
 */
export type Peer =
  | 'posthorn'
  | 'bare'
  | 'bare-without-delay'
  | 'bare-discarding'
  | 'bare-without-delay-discarding'

const peer = process.argv[2] as Peer

/** Microseconds of processor time so far. */
function cpuSpent(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

if (peer === 'posthorn') await servePosthorn()
else serveBare()

async function servePosthorn(): Promise<void> {
  const { createAccounts, createMailStore, createSmtpServer } = await builtPackage()
  const accounts = createAccounts({
    users: [{ name: 'alice', password: 'secret', addresses: ['alice@example.test'] }],
  })
  const store = createMailStore()
  const server = createSmtpServer({
    hostname: 'mx.example.test',
    domains: ['example.test'],
    accounts,
    store,
    limits: { connectionsPerAddress: 1_000 },
  })
  process.on('message', async () => {
    process.send?.({ cpu: cpuSpent() })
    const mailbox = await store.mailbox('alice')
    await mailbox.delete((await mailbox.list()).map(message => message.uid))
  })
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' })
  process.send?.({ port })
}

function serveBare(): void {
  const Server = peer.startsWith('bare-without-delay') ? EagerServer : SMTPServer
  const keeps = !peer.endsWith('discarding')
  let kept: Buffer[] = []
  const server = new Server({
    logger: false,
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onData: (stream, _session, callback) => {
      const chunks: Buffer[] = []
      stream.on('data', chunk => keeps && chunks.push(chunk))
      stream.on('end', () => {
        if (keeps) kept.push(Buffer.concat(chunks))
        callback()
      })
    },
  })
  process.on('message', () => {
    process.send?.({ cpu: cpuSpent() })
    kept = []
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.server.address()
    process.send?.({ port: typeof address === 'object' ? address?.port : undefined })
  })
}
