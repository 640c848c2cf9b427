import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, waitForPort } from '../shared/wait-for-port.js'

const program = '/usr/sbin/dovecot'

/** Starts a Dovecot of its own over a Maildir with the messages. Needs root. */
export async function startDovecot(folder: string, messages: readonly Buffer[]) {
  if (!existsSync(program)) throw new Error('Dovecot is not installed')
  const port = await freePort()
  for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(folder, 'Maildir', part), { recursive: true })
  for (const [index, message] of messages.entries()) {
    writeFileSync(join(folder, 'Maildir', 'cur', `${1_700_000_000 + index}.${index}.host:2,`), message)
  }
  const user = Number(execFileSync('id', ['-u', 'nobody']))
  execFileSync('chown', ['-R', `${user}:${user}`, join(folder, 'Maildir')])
  const config = join(folder, 'dovecot.conf')
  writeFileSync(join(folder, 'users'), 'alice:{PLAIN}secret::::::\n')
  writeFileSync(
    config,
    `base_dir = ${folder}/run
state_dir = ${folder}/state
protocols = pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
log_path = ${folder}/log
mail_location = maildir:${folder}/Maildir
first_valid_uid = 1
first_valid_gid = 1
mail_privileged_group =
default_login_user = dovenull
default_internal_user = dovecot
passdb {
  driver = passwd-file
  args = ${folder}/users
}
userdb {
  driver = static
  args = uid=${user} gid=${user} home=${folder}/Maildir
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = ${port}
  }
  inet_listener pop3s {
    port = 0
  }
}
`,
  )
  const child = spawn(program, ['-F', '-c', config], { stdio: 'ignore' })
  await waitForPort(port)
  const end = async () => {
    if (child.exitCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  return { port, pid: child.pid, end }
}
