import { testTlsFiles } from '../fixtures/tls.js'
import { freePort, listening, type ServerDirectory } from './server-process.js'

/**
 * Starts a Dovecot that takes mail for Bob and Carol over LMTP, by unix socket and by TCP with STARTTLS, and says who
 * may log in: everybody whose password is `builder`. Carol's mailbox is over its quota.
 */
export async function startDovecot(directory: ServerDirectory) {
  const port = await freePort()
  const { path } = directory
  const mail = directory.open('mail')
  const users = directory.write('users', 'bob:{PLAIN}builder::::::\ncarol:{PLAIN}builder::::::\n')
  directory.make('run', 'root')
  const config = directory.write('dovecot.conf', dovecotConf({ path, mail, users, port }))
  directory.run('dovecot', ['-F', '-c', config])
  await listening({ path: `${path}/run/lmtp` })
  return {
    port,
    lmtpSocket: `${path}/run/lmtp`,
    authSocket: `${path}/run/smtp-auth`,
    mailbox: (user: string) => `${mail}/${user}`,
  }
}

function dovecotConf({
  path,
  mail,
  users,
  port,
}: {
  path: string
  mail: string
  users: string
  port: number
}) {
  return `
base_dir = ${path}/run
state_dir = ${path}/run
log_path = ${path}/dovecot.log
protocols = lmtp
listen = 127.0.0.1
default_internal_user = dovecot
default_login_user = dovenull
first_valid_uid = 100
mail_uid = 65534
mail_gid = 65534
mail_location = maildir:${mail}/%n
ssl = yes
ssl_cert = <${testTlsFiles.cert}
ssl_key = <${testTlsFiles.key}
auth_mechanisms = plain login
auth_username_format = %n
passdb {
  driver = passwd-file
  args = username_format=%n ${users}
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=${mail}/%n allow_all_users=no
}
service auth {
  unix_listener smtp-auth {
    mode = 0666
  }
}
service lmtp {
  unix_listener lmtp {
    mode = 0666
  }
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${port}
  }
}
protocol lmtp {
  postmaster_address = postmaster@rome.test
  auth_username_format = %n
}
`
}
