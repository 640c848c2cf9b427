import { existsSync, readFileSync } from 'node:fs'
import { testTlsFiles } from '../fixtures/tls.js'
import type { Tool } from '../testing-tools/tools.js'
import { runProgram } from './run-program.js'
import { freePort, listening, type ServerDirectory } from './server-process.js'

/** Where `.ci/run` unpacks it: Debian's packages of mail servers exclude each other. */
const unpacked = '/opt/posthorn-peers/usr/sbin/exim4'
const program = existsSync(unpacked) ? unpacked : '/usr/sbin/exim4'

/** Debian's Exim, installed or unpacked. */
export const exim: Tool = { name: 'exim4', probe: [program, '-C', '/dev/null', '-bV'] }

/** Has an Exim deliver a message to a server on loopback, at once; resolves to what it logged. */
export async function sendByExim(
  directory: ServerDirectory,
  port: number,
  message: string,
  recipients: readonly string[],
) {
  const spool = directory.make('spool', 'Debian-exim')
  const config = directory.write('exim.conf', clientConf(spool, port))
  const args = ['-C', config, '-odf', '-i', '-f', 'alice@paris.test', ...recipients]
  const sent = await runProgram(program, args, message)
  if (sent.code !== 0) throw new Error(sent.problems)
  return readFileSync(`${spool}/mainlog`, 'utf8')
}

/**
 * Starts an Exim for rome.test, in which Bob has a Maildir and anybody else is unknown. With `relayPort` it takes what is
 * for others, and hands it on there.
 */
export async function startExim(directory: ServerDirectory, { relayPort }: { relayPort?: number } = {}) {
  const port = await freePort()
  const mail = directory.open('mail')
  const spool = directory.make('spool', 'Debian-exim')
  // Its own user has to read them.
  const cert = directory.write('cert.pem', readFileSync(testTlsFiles.cert, 'utf8'))
  const key = directory.write('key.pem', readFileSync(testTlsFiles.key, 'utf8'))
  const config = directory.write('exim.conf', eximConf({ spool, mail, cert, key, relayPort }))
  directory.run(program, ['-C', config, '-oX', `127.0.0.1.${port}`, '-bdf'])
  await listening({ host: '127.0.0.1', port })
  return { port, mailbox: (user: string) => `${mail}/${user}` }
}

interface Config {
  spool: string
  mail: string
  cert: string
  key: string
  relayPort: number | undefined
}

function eximConf({ spool, mail, cert, key, relayPort }: Config): string {
  return `
exim_path = ${program}
primary_hostname = mx.rome.test
domainlist local_domains = rome.test
spool_directory = ${spool}
log_file_path = ${spool}/%slog
pid_file_path = ${spool}/pid
keep_environment =
local_interfaces = 127.0.0.1
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts = *
tls_certificate = ${cert}
tls_privatekey = ${key}
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
delay_warning = 1s
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  require verify = recipient
  accept
begin routers
mailboxes:
  driver = accept
  domains = +local_domains
  local_parts = bob
  transport = maildir
${relayPort === undefined ? '' : onward}
begin transports
relay:
  driver = smtp
  port = ${relayPort ?? 25}
  allow_localhost
maildir:
  driver = appendfile
  maildir_format
  directory = ${mail}/bob
  create_directory
  user = Debian-exim
  return_path_add
begin retry
* * F,1d,1h
`
}

const onward = `
onward:
  driver = manualroute
  domains = ! +local_domains
  route_list = * 127.0.0.1
  self = send
  transport = relay
`

function clientConf(spool: string, port: number): string {
  return `
exim_path = ${program}
primary_hostname = mx.paris.test
spool_directory = ${spool}
log_file_path = ${spool}/%slog
pid_file_path = ${spool}/pid
keep_environment =
local_interfaces = 127.0.0.1
trusted_users = root
begin routers
all:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = smtp
begin transports
smtp:
  driver = smtp
  port = ${port}
begin retry
* * F,1h,15m
`
}
