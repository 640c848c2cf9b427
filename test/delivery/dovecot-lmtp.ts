import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { Tool } from '../testing-tools/tools.js'

/** Debian's dovecot-core with dovecot-lmtpd. */
export const dovecotLmtp: Tool = {
  name: 'dovecot-lmtpd',
  probe: ['sh', '-c', 'test -x /usr/sbin/dovecot && test -x /usr/lib/dovecot/lmtp'],
}

/** A running Dovecot that takes mail over LMTP for `bob` and `carol`, whose quota is full with the first message. */
export interface Dovecot {
  readonly socket: string
  /** The messages of a user, as they are on disk. */
  messages(user: string): string[]
  stop(): Promise<void>
}

/** Starts Dovecot in a directory of its own, as this user or, under root, with mail kept as `nobody`. */
export async function startDovecot(): Promise<Dovecot> {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-dovecot-'))
  chmodSync(directory, 0o755)
  const mail = join(directory, 'mail')
  mkdirSync(mail, { mode: 0o777 })
  chmodSync(mail, 0o777)
  const isRoot = process.getuid?.() === 0
  const me = userInfo()
  const owner = isRoot ? 'uid=65534 gid=65534' : `uid=${me.uid} gid=${me.gid}`
  const users = ['bob', 'carol'].map(
    name => `${name}:::::::${name === 'carol' ? 'userdb_quota_rule=*:bytes=10' : ''}`,
  )
  writeFileSync(join(directory, 'users'), `${users.join('\n')}\n`)
  const internal = isRoot ? '' : `default_internal_user = ${me.username}\ndefault_login_user = ${me.username}`
  writeFileSync(
    join(directory, 'dovecot.conf'),
    `base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = ${directory}/log
${internal}
protocols = lmtp
ssl = no
first_valid_uid = 1
mail_plugins = quota
mail_location = maildir:${mail}/%n
auth_username_format = %n
plugin {
  quota = count:User quota
  quota_vsizes = yes
}
passdb {
  driver = passwd-file
  args = ${directory}/users
}
userdb {
  driver = passwd-file
  args = ${directory}/users
  override_fields = ${owner} home=${mail}/%n
}
service lmtp {
  unix_listener ${directory}/lmtp.sock {
    mode = 0666
  }
}
service stats {
  chroot =
}
service anvil {
  chroot =
}
`,
  )
  const child = spawn('/usr/sbin/dovecot', ['-F', '-c', join(directory, 'dovecot.conf')], {
    stdio: 'inherit',
  })
  const socket = join(directory, 'lmtp.sock')
  await untilThere(child, socket, join(directory, 'log'))
  return {
    socket,
    messages: user => readMaildir(join(mail, user, 'new')),
    async stop() {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

/** A program of others tells of its socket by no event: it is looked for. */
async function untilThere(child: ChildProcess, socket: string, log: string): Promise<void> {
  for (let tries = 0; tries < 200 && child.exitCode === null; tries++) {
    if (existsSync(socket)) return
    await new Promise(resolve => setTimeout(resolve, 25))
  }
  throw new Error(`dovecot did not start: ${existsSync(log) ? readFileSync(log, 'utf8') : 'no log'}`)
}

function readMaildir(directory: string): string[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory).map(name => readFileSync(join(directory, name), 'latin1'))
}
