import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, waitForPort } from '../shared/wait-for-port.js'

/** A server that runs. */
export interface Peer {
  readonly name: string
  readonly port: number
  end(): Promise<void>
}

/** Starts one of our own servers in a process. */
export async function startOwn(name: string, folder: string): Promise<Peer> {
  mkdirSync(folder)
  const child = fork(fileURLToPath(new URL('./serve.ts', import.meta.url)), [name, folder], {
    execArgv: process.execArgv,
  })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return { name, port, end: () => end(child) }
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
  const port = await freePort()
  for (const part of ['config', 'plugins', 'mail']) mkdirSync(join(folder, part), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', 'Haraka@3']
  execFileSync('npm', install, { cwd: folder, stdio: 'ignore', timeout: 180_000 })
  cpSync(join(folder, 'node_modules/Haraka/config'), join(folder, 'config'), { recursive: true })
  const config = {
    'smtp.ini': `listen=127.0.0.1:${port}\nnodes=0\n`,
    plugins: 'synced\n',
    'log.ini': '[main]\nlevel=ERROR\n',
    me: 'mx.example.test\n',
    loglevel: 'ERROR\n',
  }
  for (const [file, text] of Object.entries(config)) writeFileSync(join(folder, 'config', file), text)
  writeFileSync(join(folder, 'plugins', 'synced.js'), harakaPlugin)
  const child = spawn(process.execPath, ['node_modules/Haraka/bin/haraka', '-c', folder], {
    cwd: folder,
    env: { ...process.env, MAIL_FOLDER: join(folder, 'mail') },
    stdio: 'ignore',
  })
  await waitForPort(port)
  return { name: 'haraka', port, end: () => end(child) }
}

const postfixPrograms = '/usr/lib/postfix/sbin'

/** Starts a Postfix of its own, which delivers into a Maildir. Needs root. */
export async function startPostfix(folder: string): Promise<Peer> {
  if (!existsSync(join(postfixPrograms, 'master'))) throw new Error('Postfix is not installed')
  const port = await freePort()
  const config = join(folder, 'config')
  const mail = join(folder, 'mail')
  for (const part of [config, mail, join(folder, 'queue'), join(folder, 'data')])
    mkdirSync(part, { recursive: true })
  chmodSync(folder, 0o755)
  const nobody = Number(execFileSync('id', ['-u', 'nobody']))
  const postfix = Number(execFileSync('id', ['-u', 'postfix']))
  chownSync(mail, nobody, nobody)
  chownSync(join(folder, 'data'), postfix, -1)
  const main = {
    compatibility_level: '3.6',
    queue_directory: join(folder, 'queue'),
    data_directory: join(folder, 'data'),
    myhostname: 'mx.example.test',
    mydestination: '',
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    maillog_file: '/dev/null',
    maillog_file_prefixes: '/dev',
    virtual_mailbox_domains: 'example.test',
    virtual_mailbox_base: mail,
    virtual_mailbox_maps: 'static:alice/',
    virtual_uid_maps: `static:${nobody}`,
    virtual_gid_maps: `static:${nobody}`,
    virtual_minimum_uid: '1',
    virtual_mailbox_limit: '0',
    smtpd_peername_lookup: 'no',
    smtpd_client_connection_count_limit: '0',
    smtpd_client_connection_rate_limit: '0',
    local_recipient_maps: '',
    alias_maps: '',
    alias_database: '',
    default_process_limit: '120',
    in_flow_delay: '0',
  }
  const lines = Object.entries(main).map(([key, value]) => `${key} = ${value}\n`)
  writeFileSync(join(config, 'main.cf'), lines.join(''))
  writeFileSync(
    join(config, 'master.cf'),
    `127.0.0.1:${port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`,
  )
  execFileSync('/usr/sbin/postfix', ['-c', config, 'check'], { stdio: 'ignore' })
  const child = spawn(join(postfixPrograms, 'master'), ['-c', config, '-d'], { stdio: 'ignore' })
  await waitForPort(port)
  return { name: 'postfix', port, end: () => end(child) }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}
