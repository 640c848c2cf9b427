/**
 * Reading a mailbox of 10,000 messages of 4 KB (1,000 with --quick) from SQLite over POP3, beside Dovecot with a Maildir
 * in the same run: `npx tsx benchmarks/pop3/main.ts [--quick]`. A ratio above 1 means faster than Dovecot.
 *
 * A login is measured up to the answer to STAT, as Dovecot answers PASS before it opens the mailbox; the first one is told
 * apart, in which Dovecot builds its index, as it does for each mailbox that another program delivered to.
 */
import { once } from 'node:events'
import { chmodSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js'
import { createMailStore } from '../../src/store/create-mail-store.js'
import { buildPackage } from '../shared/built-package.js'
import { forkCompiled } from '../shared/fork-compiled.js'
import { quantile } from '../shared/statistics.js'
import { Pop3Client } from './client.js'
import { startDovecot } from './dovecot.js'

const count = process.argv.includes('--quick') ? 1_000 : 10_000
const sessions = 3
const body = 'All work and no play makes Jack a dull boy, said somebody else.\r\n'.repeat(61)
const messages = Array.from({ length: count }, (_, index) => Buffer.from(`Subject: ${index}\r\n\r\n${body}`))
const targets: Record<string, number> = { 'first login': 5 }

buildPackage()
const folder = await mkdtemp(join(tmpdir(), 'posthorn-pop3-'))
chmodSync(folder, 0o755)
const servers: { name: string; port: number; end(): Promise<void> }[] = []
try {
  servers.push(await startOwn())
  try {
    servers.push(await startDovecot(join(folder, 'dovecot'), messages))
  } catch (thrown) {
    console.log(`SKIPPED dovecot: ${thrown instanceof Error ? thrown.message : thrown}`)
  }
  const costs = new Map<string, Map<string, number>>()
  for (const { name, port } of servers) costs.set(name, await measure(port))
  for (const [step, own] of costs.get('posthorn') ?? []) {
    const theirs = costs.get('dovecot')?.get(step)
    if (theirs === undefined) console.log(`${step}: ${own.toFixed(1)} ms`)
    else tell(step, own, theirs)
  }
} finally {
  for (const server of servers) await server.end()
  rmSync(folder, { recursive: true, force: true })
}

function tell(step: string, own: number, theirs: number): void {
  const ratio = theirs / own
  const target = targets[step] ?? 1
  const judged = `target ${target} ${ratio < target ? 'BELOW' : 'met'}`
  console.log(
    `${step}: ${ratio.toFixed(2)} (${judged}) posthorn ${own.toFixed(1)} ms, dovecot ${theirs.toFixed(1)} ms`,
  )
}

async function startOwn() {
  const path = join(folder, 'mail.db')
  const store = createMailStore({ storage: sqliteStorage({ path }) })
  for (let at = 0; at < count; at += 500) {
    await Promise.all(messages.slice(at, at + 500).map(message => store.append('alice', message)))
  }
  await store.close()
  await store.storage.close()
  const child = forkCompiled(new URL('./serve.ts', import.meta.url), [path])
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const end = async () => {
    child.kill()
    await once(child, 'exit')
  }
  return { name: 'posthorn', port, end }
}

/** Milliseconds of each step; the median of some sessions where it can be repeated. */
async function measure(port: number): Promise<Map<string, number>> {
  const all = new Map<string, number[]>()
  // The first session warms up.
  for (let session = 0; session <= sessions; session++) {
    const last = session === sessions
    const time = async (step: string, work: () => Promise<unknown>) => {
      const start = performance.now()
      await work()
      if (session > 0 || step === 'first login')
        all.set(step, [...(all.get(step) ?? []), performance.now() - start])
    }
    const client = await Pop3Client.connect(port)
    await time(session === 0 ? 'first login' : 'later login', async () => {
      for (const command of ['USER alice', 'PASS secret', 'STAT']) await client.ask(`${command}\r\n`, false)
    })
    await time('STAT, 5,000 times', async () => {
      for (let times = 0; times < 5_000; times++) await client.ask('STAT\r\n', false)
    })
    await time('UIDL', () => client.ask('UIDL\r\n', true))
    await time('RETR one by one', async () => {
      for (let number = 1; number <= count; number++) await client.ask(`RETR ${number}\r\n`, true)
    })
    await time('RETR pipelined', () => pipelined(client, 'RETR', true))
    if (last)
      await time('DELE all and QUIT', async () => {
        await pipelined(client, 'DELE', false)
        await client.ask('QUIT\r\n', false)
      })
    else await client.ask('QUIT\r\n', false)
    await client.end()
  }
  return new Map([...all].map(([step, values]) => [step, quantile(values, 0.5)]))
}

async function pipelined(client: Pop3Client, verb: string, many: boolean): Promise<void> {
  for (let first = 1; first <= count; first += 100) {
    const numbers = Array.from({ length: Math.min(100, count - first + 1) }, (_, index) => first + index)
    await client.ask(numbers.map(number => `${verb} ${number}\r\n`).join(''), many, numbers.length)
  }
}
