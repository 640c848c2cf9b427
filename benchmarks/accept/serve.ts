/** A server in a process of its own: `serve.ts posthorn | bare | bare-without-delay`. Tells its port by IPC. */
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js'
import { SMTPServer } from 'smtp-server/lib/smtp-server.js'
import { createAccounts } from '../../src/accounts/static/create-accounts.js'
import { createSmtpServer } from '../../src/smtp-server/create-smtp-server.js'
import { createMailStore } from '../../src/store/create-mail-store.js'

/** What may be compared. */
export type Peer = 'posthorn' | 'bare' | 'bare-without-delay'

const peer = process.argv[2] as Peer

/** Greets at once, where smtp-server waits for 100 ms. */
class EagerConnection extends SMTPConnection {
  override init(): void {
    this._setListeners(() => this.connectionReady())
  }
}

class EagerServer extends SMTPServer {
  override connect(...[socket, options]: Parameters<SMTPServer['connect']>): void {
    const connection = new EagerConnection(this, socket, options)
    this.connections.add(connection)
    connection.on('error', error => this._onError(error))
    connection.init()
  }
}

/** Microseconds of processor time so far. */
function cpuSpent(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

if (peer === 'posthorn') await servePosthorn()
else serveBare()

async function servePosthorn(): Promise<void> {
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

/** Bare smtp-server reads each message and throws it away; a socket of its own has Nagle off already. */
function serveBare(): void {
  const Server = peer === 'bare' ? SMTPServer : EagerServer
  const server = new Server({
    logger: false,
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    onData: (stream, _session, callback) => {
      stream.on('data', () => {})
      stream.on('end', () => callback())
    },
  })
  process.on('message', () => process.send?.({ cpu: cpuSpent() }))
  server.listen(0, '127.0.0.1', () => {
    const address = server.server.address()
    process.send?.({ port: typeof address === 'object' ? address?.port : undefined })
  })
}
