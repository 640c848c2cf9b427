import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { testTlsFiles } from '../fixtures/tls.js'
import type { Tool } from '../testing-tools/tools.js'
import { freePort, listening, type ServerDirectory } from './server-process.js'

/** Where `.ci/run` unpacks it: Debian's packages of mail servers exclude each other. */
const unpacked = '/opt/posthorn-peers/usr/sbin/smtpd'
const program = existsSync(unpacked) ? unpacked : '/usr/sbin/smtpd'

/**
 * Debian's OpenSMTPD, installed or unpacked. Its spool, its socket and the directory it locks itself into have one name
 * each on a machine, so that one at a time can run: its tests are in one file.
 */
export const opensmtpd: Tool = {
  name: 'opensmtpd',
  probe: ['sh', '-c', `test -x ${program} && test -x /usr/libexec/opensmtpd/mail.maildir && id opensmtpq`],
}

/**
 * Starts an OpenSMTPD for rome.test, in which Bob has a Maildir and anybody else is unknown. What comes from this machine
 * for others goes to `relayPort`. It offers STARTTLS, but that of Debian 12 (6.8.0p2) finishes no handshake: its keys are
 * in a process of their own, which OpenSSL 3 does not ask (OpenSMTPD #1171, mended in 7.3).
 */
export async function startOpenSmtpd(directory: ServerDirectory, { relayPort = 9 } = {}) {
  rmSync('/var/spool/smtpd', { recursive: true, force: true })
  mkdirSync('/var/spool/smtpd', { mode: 0o711 })
  mkdirSync('/var/lib/opensmtpd/empty', { recursive: true })
  const port = await freePort()
  const mail = directory.open('mail')
  directory.open('mail/bob')
  // It takes no key that others can read.
  const cert = directory.write('cert.pem', readFileSync(testTlsFiles.cert, 'utf8'))
  const key = directory.write('key.pem', readFileSync(testTlsFiles.key, 'utf8'))
  chmodSync(key, 0o600)
  const config = directory.write('smtpd.conf', smtpdConf({ port, relayPort, mail, cert, key }))
  const toLog = `exec "$0" "$@" 2>${directory.path}/log`
  directory.run('sh', ['-c', toLog, program, '-dF', '-f', config])
  await listening({ host: '127.0.0.1', port })
  return { port, mailbox: (user: string) => `${mail}/${user}` }
}

interface Config {
  port: number
  relayPort: number
  mail: string
  cert: string
  key: string
}

function smtpdConf({ port, relayPort, mail, cert, key }: Config): string {
  return `
pki rome cert "${cert}"
pki rome key "${key}"
table users { bob = "65534:65534:${mail}/bob" }
table addresses { "bob@rome.test" = bob }
bounce warn-interval 1s
listen on 127.0.0.1 port ${port} hostname mx.rome.test tls pki rome
action deliver maildir "${mail}/%{user.username}" virtual <addresses> userbase <users>
action onward relay host smtp://127.0.0.1:${relayPort} helo mx.rome.test
match from any for domain rome.test action deliver
match from local for any action onward
`
}
