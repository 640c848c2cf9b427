import { afterEach } from 'vitest'
import { createAccounts } from '../../src/accounts/static/create-accounts.js'
import { readAll } from '../../src/message/sources.js'
import type { DeliveryQueue } from '../../src/queue/delivery-queue.js'
import { createSmtpServer } from '../../src/smtp-server/create-smtp-server.js'
import type { SmtpServerEvents } from '../../src/smtp-server/events.js'
import type { SmtpListenOptions, SmtpServerOptions } from '../../src/smtp-server/options.js'
import type { SmtpServer } from '../../src/smtp-server/smtp-server.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import type { AcceptBatch, Storage } from '../../src/storage/storage.js'
import { createMailStore } from '../../src/store/create-mail-store.js'
import type { MailStore } from '../../src/store/mail-store.js'
import { Conversation } from './conversation.js'

/** A server with a listener, its store, and what happened. */
export interface MailHost {
  readonly server: SmtpServer
  readonly port: number
  readonly storage: Storage
  readonly store: MailStore
  /** All batches that were stored, in their order. */
  readonly batches: AcceptBatch[]
  /** Events as they came: name and payload. */
  readonly events: [name: string, payload: Record<string, unknown>][]
  /** Payloads of one event. */
  told(name: keyof SmtpServerEvents): Record<string, unknown>[]
  /** Resolves with the next payload of an event. */
  next(name: keyof SmtpServerEvents): Promise<Record<string, unknown>>
  /** A connection of which the greeting was read. */
  connect(options?: { tls?: boolean; from?: string }): Promise<Conversation>
  /** A connection that said EHLO or LHLO. */
  hello(options?: { tls?: boolean; from?: string }): Promise<Conversation>
  /** Raw messages of an account's INBOX. */
  inbox(account: string): Promise<string[]>
}

const open: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

/** The users of the test host: alice (password `secret`), bob, and carol who has room for 1,000 octets. */
export function testAccounts() {
  return createAccounts({
    users: [
      { name: 'alice', password: 'secret', addresses: ['alice@example.test', '"al ice@home"@example.test'] },
      { name: 'bob', password: 'hunter2', addresses: ['bob@example.test', 'jürgen@example.test'] },
      {
        name: 'carol',
        password: 'tiny',
        addresses: ['carol@example.test'],
        quota: { bytes: 1_000 },
      },
      { name: 'postmaster', password: 'p', addresses: ['postmaster@example.test'] },
    ],
    aliases: { 'away@example.test': ['someone@other.test'] },
  })
}

/** A queue that only stores. */
export function storingQueue(storage: Storage): DeliveryQueue {
  const queue: Partial<DeliveryQueue> = {
    storage,
    hostname: 'mx.example.test',
    accept: batch => storage.accept(batch),
    start: async () => {},
    useRouter: () => {},
  }
  return queue as DeliveryQueue
}

/** Starts a host; it is closed after the test. */
export async function startHost(
  options: Partial<SmtpServerOptions> = {},
  listen: SmtpListenOptions = {},
): Promise<MailHost> {
  const storage = memoryStorage()
  const batches: AcceptBatch[] = []
  const recording: Storage = Object.assign(Object.create(storage), {
    mail: storage.mail,
    blobs: storage.blobs,
    queue: storage.queue,
    locks: storage.locks,
    records: storage.records,
    subscribe: (listener: Parameters<Storage['subscribe']>[0]) => storage.subscribe(listener),
    accept: async (batch: AcceptBatch) => {
      const result = await storage.accept(batch)
      batches.push(batch)
      return result
    },
  })
  const store = createMailStore({ storage: recording })
  const server = createSmtpServer({
    hostname: 'mx.example.test',
    domains: ['example.test'],
    accounts: testAccounts(),
    store,
    queue: storingQueue(recording),
    ...options,
  })
  const events: MailHost['events'] = []
  for (const name of eventNames) server.on(name, payload => events.push([name, { ...payload }]))
  const listener = await server.listen({ port: 0, host: '127.0.0.1', ...listen })
  open.push(() => server.close({ grace: 0 }))
  const connect: MailHost['connect'] = async how => {
    const conversation = await Conversation.open(listener.port, how)
    open.unshift(async () => conversation.destroy())
    await conversation.expect('220')
    return conversation
  }
  return {
    server,
    storage: recording,
    store,
    batches,
    events,
    port: listener.port,
    connect,
    told: name => events.filter(([told]) => told === name).map(([, payload]) => payload),
    next: name => new Promise(resolve => server.once(name, payload => resolve({ ...payload }))),
    hello: async how => {
      const conversation = await connect(how)
      await conversation.ask(listen.kind === 'lmtp' ? 'LHLO client.test' : 'EHLO client.test', '250')
      return conversation
    },
    inbox: async account => {
      const mailbox = await store.mailbox(account)
      const raw = (await mailbox.list()).map(async message => readAll(await mailbox.open(message)))
      return (await Promise.all(raw)).map(bytes => bytes.toString('latin1'))
    },
  }
}

const eventNames = [
  'session:opened',
  'session:refused',
  'session:closed',
  'session:secured',
  'session:authenticated',
  'auth:failed',
  'recipient:rejected',
  'message:accepted',
  'message:rejected',
  'handler:failed',
] as const satisfies readonly (keyof SmtpServerEvents)[]

/** PLAIN's initial response. */
export function plain(username: string, password: string, actAs = ''): string {
  return Buffer.from(`${actAs}\0${username}\0${password}`).toString('base64')
}

/** Sends a whole message up to the reply to its final dot. */
export async function deliver(
  conversation: Conversation,
  options: { from?: string; to?: string | string[]; message?: string; expect?: RegExp | string } = {},
): Promise<string> {
  const {
    from = 'sender@other.test',
    to = 'alice@example.test',
    message = 'Subject: hi\r\n\r\nhello\r\n',
  } = options
  await conversation.ask(`MAIL FROM:<${from}>`, '250 2.1.0')
  for (const recipient of [to].flat()) await conversation.ask(`RCPT TO:<${recipient}>`, '250 2.1.5')
  await conversation.ask('DATA', '354')
  conversation.write(`${message}.\r\n`)
  return conversation.expect(options.expect ?? '250 2.0.0')
}
