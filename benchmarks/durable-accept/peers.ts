import { once } from 'node:events'
import { chownSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { endProcess } from '../shared/end-process.js'
import { forkCompiled } from '../shared/fork-compiled.js'
import { installHaraka, startHarakaProcess } from '../shared/haraka.js'
import { queueManager, startPostfixProcess, userId } from '../shared/postfix.js'

/** A server that runs. */
export interface Peer {
  readonly name: string
  readonly port: number
  /** Resolves when it has done what accepting left to be done, which would be at the cost of the next in turn. */
  rest?(): Promise<void>
  end(): Promise<void>
}

/** Starts one of our own servers in a process. */
export async function startOwn(name: string, folder: string): Promise<Peer> {
  mkdirSync(folder)
  const child = forkCompiled(new URL('./serve.ts', import.meta.url), [name, folder])
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return { name, port, end: () => endProcess(child) }
}

const harakaPlugin = `
const fs = require('node:fs')
let files = 0
exports.hook_rcpt = (next) => next(OK)
exports.hook_queue = function (next, connection) {
  const file = fs.createWriteStream(process.env.MAIL_FOLDER + '/' + ++files, { flags: 'wx', flush: true })
  file.on('close', () => next(OK))
  file.on('error', error => next(DENYSOFT, error.message))
  connection.transaction.message_stream.pipe(file)
}
`

/** Installs Haraka and starts it with a queue plugin that writes a file for each message and syncs it. */
export async function startHaraka(folder: string): Promise<Peer> {
  const mail = join(folder, 'mail')
  installHaraka(folder)
  mkdirSync(mail)
  const setup = { installed: folder, folder: join(folder, 'run'), plugin: harakaPlugin }
  const { port, child } = await startHarakaProcess({ ...setup, env: { MAIL_FOLDER: mail } })
  return { name: 'haraka', port, end: () => endProcess(child) }
}

/** Starts a Postfix of its own, which delivers into a Maildir. Needs root. */
export async function startPostfix(folder: string): Promise<Peer> {
  const mail = join(folder, 'mail')
  const nobody = userId('nobody')
  mkdirSync(mail, { recursive: true })
  chownSync(mail, nobody, nobody)
  const parameters = {
    virtual_mailbox_domains: 'example.test',
    virtual_mailbox_base: mail,
    virtual_mailbox_maps: 'static:alice/',
    virtual_uid_maps: `static:${nobody}`,
    virtual_gid_maps: `static:${nobody}`,
    virtual_minimum_uid: '1',
    virtual_mailbox_limit: '0',
    smtpd_peername_lookup: 'no',
    local_recipient_maps: '',
    default_process_limit: '120',
    in_flow_delay: '0',
  }
  const services = `${queueManager}virtual unix - n n - - virtual\n`
  const { port, child } = await startPostfixProcess(folder, parameters, services)
  const queues = ['incoming', 'active'].map(name => join(folder, 'queue', name))
  return { name: 'postfix', port, rest: () => emptied(queues), end: () => endProcess(child) }
}

async function emptied(folders: readonly string[]): Promise<void> {
  for (let patience = 1_000; patience > 0; patience--) {
    if (folders.every(folder => filesIn(folder) === 0)) return
    await setTimeout(30)
  }
}

function filesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).length
}
