import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { endProcess } from '../shared/end-process.js'
import { forkCompiled } from '../shared/fork-compiled.js'
import { installHaraka, startHarakaProcess } from '../shared/haraka.js'
import { queueManager, startPostfixProcess } from '../shared/postfix.js'
import type { Usage } from './deliver.js'

/** A server with a queue, started in a folder of its own, that takes mail and keeps it until it is let go. */
export interface Sender {
  /** Where it takes mail. */
  readonly port: number
  letGo(): void
  /** Keeps mail again. Absent where a server is let go once. */
  hold?(): void
  /** What it took since it was let go, where that is known. */
  end(): Promise<Usage | undefined>
}

/** Starts a sender that delivers to the sink at that port. */
export type StartSender = (folder: string, sink: number) => Promise<Sender>

/** The built posthorn, with SQLite. */
export const startPosthorn: StartSender = async (folder, sink) => {
  mkdirSync(folder, { recursive: true })
  const child = run(new URL('./deliver.ts', import.meta.url), [folder, String(sink)])
  const { port } = await told<{ port: number }>(child)
  return {
    port,
    letGo: () => void child.send('go'),
    hold: () => void child.send('hold'),
    async end() {
      const usage = told<Usage>(child)
      const ended = once(child, 'exit')
      child.send('end')
      const took = await usage
      await ended
      return took
    },
  }
}

/** Puts so many messages into the queue of a posthorn that does not run. */
export async function fillPosthorn(folder: string, waiting: number): Promise<void> {
  mkdirSync(folder)
  const filling = run(new URL('./fill.ts', import.meta.url), [folder, String(waiting)])
  const [code] = await once(filling, 'exit')
  if (code !== 0) throw new Error(`filling the queue ended with ${code}`)
}

function run(file: URL, args: string[]): ChildProcess {
  return forkCompiled(file, args)
}

/** The next message of a process of our own. */
export async function told<T>(child: ChildProcess): Promise<T> {
  const [message] = await once(child, 'message')
  return message as T
}

const harakaPlugin = (sink: number) => `
let letGo
let gone
let isOpen = true
function turn() {
  isOpen = !isOpen
  if (isOpen) letGo()
  else gone = new Promise(resolve => { letGo = resolve })
}
turn()
process.on('SIGUSR2', turn)
exports.hook_rcpt = (next, connection) => {
  connection.relaying = true
  next(OK)
}
exports.hook_get_mx = (next) => gone.then(() => next(OK, { priority: 0, exchange: '127.0.0.1', port: ${sink} }))
`

/** Has Haraka at hand; gives what starts one. Its queue waits in files and in memory, where it is when it is let go. */
export function preparedHaraka(installed: string): StartSender {
  installHaraka(installed)
  return async (folder, sink) => {
    const config = { 'outbound.ini': 'local_mx_ok=true\nenable_tls=false\nalways_split=false\n' }
    const setup = { installed, folder, plugin: harakaPlugin(sink), config }
    const { port, child } = await startHarakaProcess(setup)
    const turn = () => void child.kill('SIGUSR2')
    return { port, letGo: turn, hold: turn, end: () => endForeign(child) }
  }
}

const delivering = `${queueManager}smtp unix - - n - - smtp
relay unix - - n - - smtp
retry unix - - n - - error
flush unix n - n 1000? 0 flush
scache unix - - n - 1 scache
`

/** As its makers ship it, but for what the benchmark needs. */
const defaults = {
  mynetworks: '127.0.0.0/8',
  // Holds mail that comes in back by default, while other mail goes out.
  in_flow_delay: '0',
}

/** What its documents advise for many messages to few destinations (https://www.postfix.org/TUNING_README.html). */
const tuned = {
  ...defaults,
  initial_destination_concurrency: '20',
  smtp_destination_concurrency_limit: '50',
  smtp_destination_recipient_limit: '50',
  smtp_connection_reuse_count_limit: '0',
  smtp_dns_support_level: 'disabled',
  qmgr_message_active_limit: '50000',
  smtpd_peername_lookup: 'no',
  default_process_limit: '200',
  max_use: '10000',
}

/**
 * Gives what starts a Postfix that has nobody who takes the queue in hand until it is let go: until then mail stays
 * where it came in, and nothing of it was tried before.
 */
export function preparedPostfix(kind: 'default' | 'tuned'): StartSender {
  return async (folder, sink) => {
    const relayhost = `[127.0.0.1]:${sink}`
    const parameters = { ...(kind === 'tuned' ? tuned : defaults), relayhost }
    const reuse = kind === 'tuned' ? { smtp_connection_cache_destinations: relayhost } : {}
    const { port, child, reload } = await startPostfixProcess(folder, { ...parameters, ...reuse }, '')
    return { port, letGo: () => reload(delivering), end: () => endForeign(child) }
  }
}

async function endForeign(child: ChildProcess): Promise<undefined> {
  await endProcess(child)
}
