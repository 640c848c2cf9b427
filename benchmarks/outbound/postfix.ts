import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { freePort, waitForPort } from '../shared/wait-for-port.js'
import { letter } from './letter.js'

const programs = '/usr/lib/postfix/sbin'

/** Starts a Postfix of its own that relays all to the sink, once it is let go. Needs root. */
export async function startPostfix(folder: string, sink: number) {
  if (!existsSync(join(programs, 'master'))) throw new Error('Postfix is not installed')
  const port = await freePort()
  const config = join(folder, 'config')
  for (const part of [config, join(folder, 'queue'), join(folder, 'data')])
    mkdirSync(part, { recursive: true })
  chmodSync(folder, 0o755)
  chownSync(join(folder, 'data'), Number(execFileSync('id', ['-u', 'postfix'])), -1)
  const main = {
    compatibility_level: '3.6',
    queue_directory: join(folder, 'queue'),
    data_directory: join(folder, 'data'),
    myhostname: 'mx.example.test',
    mydestination: '',
    mynetworks: '127.0.0.0/8',
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    maillog_file: '/dev/null',
    maillog_file_prefixes: '/dev',
    relayhost: `[127.0.0.1]:${sink}`,
    defer_transports: 'smtp',
    alias_maps: '',
    alias_database: '',
    default_process_limit: '120',
    in_flow_delay: '0',
    smtpd_client_connection_count_limit: '0',
  }
  const write = (values: Record<string, string>) =>
    writeFileSync(
      join(config, 'main.cf'),
      Object.entries(values)
        .map(([key, value]) => `${key} = ${value}\n`)
        .join(''),
    )
  write(main)
  writeFileSync(
    join(config, 'master.cf'),
    `127.0.0.1:${port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
retry unix - - n - - error
error unix - - n - - error
flush unix n - n 1000? 0 flush
showq unix n - n - - showq
smtp unix - - n - - smtp
relay unix - - n - - smtp
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`,
  )
  execFileSync('/usr/sbin/postfix', ['-c', config, 'check'], { stdio: 'ignore' })
  const child = spawn(join(programs, 'master'), ['-c', config, '-d'], { stdio: 'ignore' })
  await waitForPort(port)
  return {
    /** Hands in so many messages, which wait. */
    async fill(count: number): Promise<void> {
      const shares = Array.from({ length: 10 }, (_, index) => Math.floor((count + index) / 10))
      await Promise.all(shares.map(share => handIn(port, share)))
      await new Promise(resolve => setTimeout(resolve, 3_000))
    },
    /** Has all of it delivered now. */
    letGo(): void {
      const { defer_transports: _, ...rest } = main
      write(rest)
      execFileSync('/usr/sbin/postfix', ['-c', config, 'reload'], { stdio: 'ignore' })
      execFileSync('/usr/sbin/postqueue', ['-c', config, '-f'], { stdio: 'ignore' })
    },
    async end(): Promise<void> {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Sends messages one after another over one connection. */
async function handIn(port: number, count: number): Promise<void> {
  const socket = net.connect(port, '127.0.0.1')
  const replies = socket.setEncoding('latin1')[Symbol.asyncIterator]()
  const hear = async () => {
    for (let text = ''; !/^\d{3} .*\r\n$/m.test(text); ) text += (await replies.next()).value ?? '999 end\r\n'
  }
  const say = async (line: string | Buffer) => {
    socket.write(line)
    await hear()
  }
  await hear()
  await say('EHLO load.test\r\n')
  for (let index = 0; index < count; index++) {
    await say('MAIL FROM:<a@example.test>\r\n')
    await say(`RCPT TO:<user@d${index % 10}.test>\r\n`)
    await say('DATA\r\n')
    await say(Buffer.concat([letter, Buffer.from('.\r\n')]))
  }
  socket.end('QUIT\r\n')
}
