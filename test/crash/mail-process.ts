/**
 * The process that is killed: a mail host on an SQLite file. It is told by IPC when to begin and how, and tells its
 * port, the statements that write, the messages it is about to expunge, and the UIDs it has seen.
 */
import {
  createAccounts,
  createDeliveryQueue,
  createDnsZone,
  createMailStore,
  createSmtpServer,
  fixedSchedule,
  type MailStore,
} from '../../src/index.js'
import { Connection } from '../../src/storage/sqlite/connection.js'
import { sqliteStorageSchema } from '../../src/storage/sqlite/options.js'
import { SqliteStorageDriver } from '../../src/storage/sqlite/sqlite-storage.js'
import { loadDyingSqlite } from './dying-database.js'
import { localUsers, type MailProcessReport, type MailProcessStart, remoteDomains } from './host.js'
import { readBytes, readLetter } from './letter.js'

const tell = (report: MailProcessReport) => process.send?.(report)

async function run({ path, sinkPort, thread, point }: MailProcessStart): Promise<void> {
  const settings = sqliteStorageSchema().parse({ path, thread })
  const load = () => loadDyingSqlite(point, statement => tell({ statement }))
  const storage = new SqliteStorageDriver(new Connection(settings, load))
  await storage.open()
  tell({ opened: true })
  const store = createMailStore({ storage })
  const queue = createDeliveryQueue({
    storage,
    hostname: 'mx.example.test',
    resolver: createDnsZone({
      ...Object.fromEntries(remoteDomains.map(domain => [domain, { mx: 'mx.sink.test' }])),
      'mx.sink.test': { a: '127.0.0.1' },
    }),
    retry: fixedSchedule({ delays: [50] }),
    lease: 1_000,
    delivery: { port: sinkPort, allowPrivateAddresses: true },
  })
  const accounts = createAccounts({
    users: localUsers.map(name => ({ name, password: 'secret', addresses: [`${name}@example.test`] })),
  })
  const smtp = createSmtpServer({
    hostname: 'mx.example.test',
    domains: ['example.test'],
    relayNetworks: ['127.0.0.1'],
    accounts,
    store,
    queue,
  })
  const { port } = await smtp.listen({ port: 0, host: '127.0.0.1' })
  tell({ port })
  void tidy(store)
  process.on('message', async message => {
    if (message !== 'drain') return
    while ((await queue.counts()).waiting + (await queue.counts()).leased > 0) {
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    tell({ drained: true })
  })
}

/** Works on mail as it comes, as its readers would. */
async function tidy(store: MailStore): Promise<void> {
  const carol = await store.mailbox('carol')
  await store.createMailbox('carol', 'Archive').catch(() => undefined)
  const dave = await store.mailbox('dave')
  for await (const change of store.changes()) {
    if (change.kind !== 'added') continue
    const mailbox = await store.mailbox(change.account, change.mailbox)
    const letter = await idOf(mailbox, change.message.uid)
    if (letter === undefined) continue
    if (change.mailbox === 'INBOX')
      tell({ seen: { account: change.account, uid: change.message.uid, id: letter } })
    if (change.account === 'carol' && change.mailbox === 'INBOX') {
      await carol.move(
        (await carol.list({ limit: 5 })).map(({ uid }) => uid),
        'Archive',
      )
    }
    if (change.account === 'dave' && change.message.uid % 2 === 0) {
      tell({ expunging: letter })
      await dave.delete(change.message.uid)
    } else await mailbox.addFlags(change.message.uid, ['\\Seen'])
  }
}

async function idOf(mailbox: Awaited<ReturnType<MailStore['mailbox']>>, uid: number) {
  try {
    return readLetter(await readBytes(await mailbox.open(uid)))
  } catch {
    // It was moved away meanwhile.
    return undefined
  }
}

process.once('message', (start: MailProcessStart) => void run(start))
process.on('disconnect', () => process.exit())
tell({ ready: true })
