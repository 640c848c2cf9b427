import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, waitForPort } from './wait-for-port.js'

const programs = '/usr/lib/postfix/sbin'

/** A Postfix that runs. */
export interface Postfix {
  readonly port: number
  readonly child: ChildProcess
  /** Goes on with these services besides those that every Postfix has. */
  reload(services: string): void
}

/**
 * Starts a Postfix of its own in a folder, with these parameters and services besides those that every Postfix has.
 * Needs root.
 */
export async function startPostfixProcess(
  folder: string,
  parameters: Readonly<Record<string, string>>,
  services: string,
): Promise<Postfix> {
  if (!existsSync(join(programs, 'master'))) throw new Error('Postfix is not installed')
  const port = await freePort()
  const config = join(folder, 'config')
  for (const part of [config, join(folder, 'queue'), join(folder, 'data')])
    mkdirSync(part, { recursive: true })
  chmodSync(folder, 0o755)
  chownSync(join(folder, 'data'), userId('postfix'), -1)
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
    alias_maps: '',
    alias_database: '',
    smtpd_client_connection_count_limit: '0',
    smtpd_client_connection_rate_limit: '0',
    ...parameters,
  }
  const lines = Object.entries(main).map(([key, value]) => `${key} = ${value}\n`)
  writeFileSync(join(config, 'main.cf'), lines.join(''))
  const master = (more: string) => writeFileSync(join(config, 'master.cf'), servicesOf(port) + more)
  master(services)
  execFileSync('/usr/sbin/postfix', ['-c', config, 'check'], { stdio: 'ignore' })
  const child = spawn(join(programs, 'master'), ['-c', config, '-d'], { stdio: 'ignore' })
  await waitForPort(port)
  return {
    port,
    child,
    reload(more) {
      master(more)
      execFileSync('/usr/sbin/postfix', ['-c', config, 'reload'], { stdio: 'ignore' })
    },
  }
}

/** The number of a user of this machine. */
export function userId(name: string): number {
  return Number(execFileSync('id', ['-u', name]))
}

const servicesOf = (port: number) => `127.0.0.1:${port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`

/** The service that takes the queue in hand. */
export const queueManager = 'qmgr unix n - n 300 1 qmgr\n'
