import { execFileSync } from 'node:child_process'
import { testTlsFiles } from '../fixtures/tls.js'
import { pathWithSbin } from '../testing-tools/tools.js'
import { freePort, listening, type ServerDirectory } from './server-process.js'

/** What a Postfix of a test is. */
export interface PostfixOptions {
  /** Where mail for others goes, which is taken from this machine then. */
  relayPort?: number
  /** Path of a Dovecot auth socket: AUTH is then offered, under TLS, and needed to relay. */
  authSocket?: string
}

/** Starts a whole Postfix for rome.test, in which Bob and Carol have a Maildir and anybody else is unknown. */
export async function startPostfix(directory: ServerDirectory, options: PostfixOptions = {}) {
  const port = await freePort()
  const mail = directory.open('mail')
  directory.write('etc/main.cf', mainCf(directory.path, mail, options))
  directory.write('etc/master.cf', masterCf(port))
  directory.make('spool', 'root')
  directory.make('data', 'postfix')
  const config = `${directory.path}/etc`
  execFileSync('postfix', ['-c', config, 'check'], { env: pathWithSbin(), stdio: 'pipe' })
  directory.run('/usr/lib/postfix/sbin/master', ['-c', config, '-d'])
  await listening({ host: '127.0.0.1', port })
  return { port, mailbox: (user: string) => `${mail}/${user}` }
}

function mainCf(path: string, mail: string, { relayPort, authSocket }: PostfixOptions): string {
  return `
compatibility_level = 3.6
queue_directory = ${path}/spool
data_directory = ${path}/data
maillog_file = ${path}/mail.log
maillog_file_prefixes = ${path}
myhostname = mx.rome.test
mydestination =
mynetworks = ${relayPort === undefined ? '' : '127.0.0.1'}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = rome.test
virtual_mailbox_base = ${mail}
virtual_mailbox_maps = inline:{ { bob@rome.test = bob/ }, { carol@rome.test = carol/ } }
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_alias_maps = inline:{ { team@rome.test = ann@oslo.test, ben@oslo.test } }
relayhost = [127.0.0.1]:${relayPort ?? 9}
delay_warning_time = 1s
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtp_tls_security_level = may
smtpd_tls_cert_file = ${testTlsFiles.cert}
smtpd_tls_key_file = ${testTlsFiles.key}
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = ${authSocket === undefined ? 'no' : 'yes'}
smtpd_sasl_type = dovecot
smtpd_sasl_path = ${authSocket ?? 'smtpd'}
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_peername_lookup = no
smtputf8_enable = yes
`
}

function masterCf(port: number): string {
  const services = [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    'pickup unix n - n 60 1 pickup',
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'verify unix - - n - 1 verify',
    'flush unix n - n 1000? 0 flush',
    'proxymap unix - - n - - proxymap',
    'smtp unix - - n - - smtp',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'virtual unix - n n - - virtual',
    'anvil unix - - n - 1 anvil',
    'scache unix - - n - 1 scache',
    'postlog unix-dgram n - n - 1 postlogd',
  ]
  return `${services.join('\n')}\n`
}
