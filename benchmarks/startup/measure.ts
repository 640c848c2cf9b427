/**
 * One peer, in a process of its own: `measure.ts <peer> <folder> <messages>`. Tells by IPC how long it took, in
 * milliseconds: to load, to be ready, until a first message was stored and waited for, and to take so many messages,
 * one a connection, ten at a time.
 */
import { run } from '../accept/load-client.js'
import { freePort } from '../shared/wait-for-port.js'
import { load, type PeerName } from './peers.js'

/** What was measured. */
export interface Measured {
  readonly loaded: number
  readonly ready: number
  readonly first: number
  readonly perSecond: number
}

const [peer, folder = '', messages = '0'] = process.argv.slice(2)
const message = Buffer.from(
  'From: a@other.test\r\nTo: alice@example.test\r\nSubject: hello\r\n\r\nHello\r\n.\r\n',
)
const port = await freePort()

const start = performance.now()
const open = await load(peer as PeerName, folder)
const loaded = performance.now() - start
const server = await open(port)
const ready = performance.now() - start
const waiting = server.waitFor('alice@example.test')
const client = { port: server.port, connections: 1, kept: false, pipelined: false, message }
await run({ ...client, messages: 1 }, 0)
await waiting
const first = performance.now() - start

const begun = performance.now()
const count = Number(messages)
if (count > 0) {
  await run({ ...client, connections: 10, messages: count }, 0)
  await server.waitForCount(count + 1)
}
const perSecond = (count * 1_000) / (performance.now() - begun)
const measured: Measured = { loaded, ready, first, perSecond }
process.send?.(measured, () => process.exit(0))
