/**
 * One peer, in a process of its own: `measure.ts <peer> <folder> <messages>`. Tells by IPC how long it took, in
 * milliseconds: to load, to be ready, until a first message was stored and waited for; and how many messages a second
 * it takes, one a connection: so many ten at a time, and a tenth of that one after another.
 */
import { run } from '../accept/load-client.js'
import { freePort } from '../shared/wait-for-port.js'
import { load, type PeerName } from './peers.js'

/** What was measured. */
export interface Measured {
  readonly loaded: number
  readonly ready: number
  readonly first: number
  /** Of processor time, until the first message was waited for. */
  readonly cpu: number
  readonly perSecond: number
  readonly perSecondAlone: number
}

const [peer, folder = '', messages = '0'] = process.argv.slice(2)
const message = Buffer.from(
  'From: a@other.test\r\nTo: alice@example.test\r\nSubject: hello\r\n\r\nHello\r\n.\r\n',
)
const port = await freePort()

const start = performance.now()
const cpuBefore = process.cpuUsage()
const open = await load(peer as PeerName, folder)
const loaded = performance.now() - start
const server = await open(port)
const ready = performance.now() - start
const waiting = server.waitFor('alice@example.test')
const client = { port: server.port, connections: 1, kept: false, pipelined: false, message }
await run({ ...client, messages: 1 }, 0)
await waiting
const first = performance.now() - start

const { user, system } = process.cpuUsage(cpuBefore)
const cpu = (user + system) / 1_000

const count = Number(messages)
let sent = 1
const perSecond = await rate(10, count)
const perSecondAlone = await rate(1, count / 10)
const measured: Measured = { loaded, ready, first, cpu, perSecond, perSecondAlone }
process.send?.(measured, () => process.exit(0))

async function rate(connections: number, wanted: number): Promise<number> {
  if (wanted === 0) return Number.NaN
  const begun = performance.now()
  await run({ ...client, connections, messages: wanted }, 0)
  sent += wanted
  await server.waitForCount(sent)
  return (wanted * 1_000) / (performance.now() - begun)
}
