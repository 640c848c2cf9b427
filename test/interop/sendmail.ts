import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { Tool } from '../testing-tools/tools.js'
import { freePort, listening, type ServerDirectory } from './server-process.js'

/** Where `.ci/run` unpacks it: Debian's packages of mail servers exclude each other. */
const unpacked = existsSync('/opt/posthorn-peers/usr/libexec/sendmail/sendmail') ? '/opt/posthorn-peers' : ''
const program = `${unpacked}/usr/libexec/sendmail/sendmail`
const macros = `${unpacked}/usr/share/sendmail/cf`

/**
 * Debian's Sendmail, installed or unpacked, and m4, which makes its configuration. Where the machine has no name with a
 * domain it sleeps for a minute; so it gets a name of its own, by unshare.
 */
export const sendmail: Tool = {
  name: 'sendmail',
  probe: [
    'sh',
    '-c',
    `test -x ${program} && test -f ${macros}/m4/cf.m4 && command -v m4 && unshare --uts true`,
  ],
}

/**
 * Starts a Sendmail that hands on all it takes to `relayPort`, in a directory that only root may write to.
 */
export async function startSendmail(directory: ServerDirectory, { relayPort }: { relayPort: number }) {
  const { path } = directory
  const port = await freePort()
  directory.make('queue', 'root')
  directory.write('switch', 'hosts files\n')
  const defined = [`-D_CF_DIR_=${macros}/`]
  const input = sendmailMc(path, relayPort)
  const config = directory.write(
    'sendmail.cf',
    execFileSync('m4', defined, { input, encoding: 'utf8', stdio: 'pipe' }),
  )
  const named = 'hostname mx.rome.test && exec "$0" "$@"'
  const options = [`-C${config}`, '-bD', '-q1s', `-ODaemonPortOptions=Port=${port},Addr=127.0.0.1,Name=MTA`]
  directory.run('unshare', ['--uts', 'sh', '-c', named, program, ...options])
  await listening({ host: '127.0.0.1', port })
  return { port }
}

function sendmailMc(path: string, relayPort: number): string {
  return `include(\`${macros}/m4/cf.m4')dnl
OSTYPE(\`linux')dnl
define(\`QUEUE_DIR', \`${path}/queue')dnl
define(\`STATUS_FILE', \`${path}/status')dnl
define(\`confPID_FILE', \`${path}/pid')dnl
define(\`confDOMAIN_NAME', \`mx.rome.test')dnl
define(\`ALIAS_FILE', \`')dnl
define(\`confSERVICE_SWITCH_FILE', \`${path}/switch')dnl
define(\`confTO_QUEUEWARN', \`1s')dnl
define(\`RELAY_MAILER_ARGS', \`TCP $h ${relayPort}')dnl
define(\`SMART_HOST', \`relay:[127.0.0.1]')dnl
FEATURE(\`accept_unresolvable_domains')dnl
FEATURE(\`promiscuous_relay')dnl
FEATURE(\`nocanonify')dnl
MAILER(smtp)dnl
`
}
