/**
 * Reading a mailbox of 10,000 messages of 4 KB (1,000 with --quick) from SQLite over POP3, beside Dovecot with a Maildir
 * in the same run: `npx tsx benchmarks/pop3/main.ts [--quick]`. A ratio above 1 means faster than Dovecot.
 *
 * A login is measured up to the answer to STAT, as Dovecot answers PASS before it opens the mailbox; the first one of each
 * of three mailboxes is told apart, in which Dovecot builds its index, as it does where another program delivered.
 *
 * For STAT and RETR one by one, client and server share one processor. On two of them, more than half of such a round
 * trip is the waking of a processor that waits, which is the machine's doing and differs from run to run.
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
import { startDovecot } from './dovecot.js'
import type { Costs } from './measure.js'
import { users } from './users.js'

const count = process.argv.includes('--quick') ? 1_000 : 10_000
const body = 'All work and no play makes Jack a dull boy, said somebody else.\r\n'.repeat(61)
const messages = Array.from({ length: count }, (_, index) => Buffer.from(`Subject: ${index}\r\n\r\n${body}`))
const targets: Record<string, number> = { 'first login': 5 }

buildPackage()
const folder = await mkdtemp(join(tmpdir(), 'posthorn-pop3-'))
chmodSync(folder, 0o755)
const servers: { port: number; pid: number | undefined; end(): Promise<void> }[] = []
try {
  servers.push(await startOwn())
  try {
    servers.push(await startDovecot(join(folder, 'dovecot'), messages))
  } catch (thrown) {
    console.log(`SKIPPED dovecot: ${thrown instanceof Error ? thrown.message : thrown}`)
  }
  const [own = {}, theirs = {}] = await measure()
  for (const [step, values] of Object.entries(own)) tell(step, quantile(values, 0.5), theirs[step])
} finally {
  for (const server of servers) await server.end()
  rmSync(folder, { recursive: true, force: true })
}

function tell(step: string, own: number, others: readonly number[] | undefined): void {
  if (!others) {
    console.log(`${step}: ${own.toFixed(1)} ms`)
    return
  }
  const theirs = quantile(others, 0.5)
  const ratio = theirs / own
  const target = targets[step] ?? 1
  const judged = `target ${target} ${ratio < target ? 'BELOW' : 'met'}`
  console.log(
    `${step}: ${ratio.toFixed(2)} (${judged}) posthorn ${own.toFixed(1)} ms, dovecot ${theirs.toFixed(1)} ms`,
  )
}

/** What the steps took, of each server; the median of several sessions where they can be repeated. */
async function measure(): Promise<Costs[]> {
  const places = servers.map(({ port, pid }) => `${port}:${pid}`)
  const client = forkCompiled(new URL('./measure.ts', import.meta.url), [`${count}`, ...places])
  const [told] = await Promise.race([once(client, 'message'), once(client, 'exit')])
  if (typeof told !== 'object') throw new Error(`the client ended with code ${told}`)
  return told as Costs[]
}

async function startOwn() {
  const path = join(folder, 'mail.db')
  const store = createMailStore({ storage: sqliteStorage({ path }) })
  for (const user of users) {
    for (let at = 0; at < count; at += 500) {
      await Promise.all(messages.slice(at, at + 500).map(message => store.append(user, message)))
    }
  }
  await store.close()
  await store.storage.close()
  const child = forkCompiled(new URL('./serve.ts', import.meta.url), [path])
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const end = async () => {
    child.kill()
    await once(child, 'exit')
  }
  return { port, pid: child.pid, end }
}
