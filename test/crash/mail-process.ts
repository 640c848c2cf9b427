/**
 * The process that is killed: a mail host on an SQLite file. It is told by IPC when to begin and how, and tells its
 * port, the statements that write, the messages it is about to remove, and the UIDs it has seen.
 */
import { systemClock } from '../../src/core/clock.js'
import {
  createAccounts,
  createDeliveryQueue,
  createDnsZone,
  createMailStore,
  createSmtpServer,
  fixedSchedule,
} from '../../src/index.js'
import { Connection } from '../../src/storage/sqlite/connection.js'
import { sqliteStorageSchema } from '../../src/storage/sqlite/options.js'
import { SqliteStorageDriver } from '../../src/storage/sqlite/sqlite-storage.js'
import { loadDyingSqlite, type WritePoint } from './dying-database.js'
import { localUsers, type MailProcessReport, type MailProcessStart, remoteDomains } from './host.js'
import { keepTidy } from './keep-tidy.js'
import { Operator } from './operator.js'

const tell = (report: MailProcessReport) => process.send?.(report)

async function run({ path, sinkPort, ahead, thread, point }: MailProcessStart): Promise<void> {
  const settings = sqliteStorageSchema().parse({ path, thread })
  let phase: WritePoint['phase'] = 'opening'
  const load = () => loadDyingSqlite(point, () => phase, tell)
  const storage = new SqliteStorageDriver(new Connection(settings, load))
  await storage.open()
  phase = 'running'
  const clock = { ...systemClock, now: () => systemClock.now() + ahead }
  const store = createMailStore({ storage, clock })
  const queue = createDeliveryQueue({
    storage,
    clock,
    hostname: 'mx.example.test',
    resolver: createDnsZone({
      ...Object.fromEntries(remoteDomains.map(domain => [domain, { mx: 'mx.sink.test' }])),
      'mx.sink.test': { a: '127.0.0.1' },
    }),
    retry: fixedSchedule({ delays: [50], warnAfter: false }),
    lease: 1_000,
    // Longer than the clock gets ahead.
    history: { keep: '30d' },
    suppression: { addHardBounces: true },
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
    clock,
  })
  const { port } = await smtp.listen({ port: 0, host: '127.0.0.1' })
  tell({ port })
  const operator = new Operator(queue, storage, tell)
  process.on('message', async message => {
    if (message === 'drain') await operator.drain().then(() => tell({ drained: true }))
  })
  await keepTidy(store, tell, () => operator.act())
}

process.once('message', (start: MailProcessStart) => void run(start))
process.on('disconnect', () => process.exit())
tell({ ready: true })
