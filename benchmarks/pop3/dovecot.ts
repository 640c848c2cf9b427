import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, waitForPort } from '../shared/wait-for-port.js'
import { users } from './users.js'

const program = '/usr/sbin/dovecot'

/** Starts a Dovecot of its own over Maildirs with the messages. Needs root. */
export async function startDovecot(folder: string, messages: readonly Buffer[]) {
  if (!existsSync(program)) throw new Error('Dovecot is not installed')
  const port = await freePort()
  for (const user of users) fillMaildir(join(folder, 'mail', user), messages)
  const uid = Number(execFileSync('id', ['-u', 'nobody']))
  execFileSync('chown', ['-R', `${uid}:${uid}`, join(folder, 'mail')])
  const config = join(folder, 'dovecot.conf')
  writeFileSync(join(folder, 'users'), users.map(user => `${user}:{PLAIN}secret::::::\n`).join(''))
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
mail_location = maildir:%h
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
  args = uid=${uid} gid=${uid} home=${folder}/mail/%u
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

function fillMaildir(path: string, messages: readonly Buffer[]): void {
  for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(path, part), { recursive: true })
  for (const [index, message] of messages.entries()) {
    writeFileSync(join(path, 'cur', `${1_700_000_000 + index}.${index}.host:2,`), message)
  }
}
