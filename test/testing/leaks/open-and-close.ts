/** Opens and closes test mails in a process of its own, and tells what is left of them. */
import { createTransport } from 'nodemailer'
import { createTestMail } from '../../../src/testing/index.js'

const collect = (globalThis as { gc?: () => void }).gc

/** What the process holds. */
function held() {
  collect?.()
  const { heapUsed, rss } = process.memoryUsage()
  return { resources: process.getActiveResourcesInfo().length, heapUsed, rss }
}

async function once(index: number): Promise<void> {
  const mail = await createTestMail()
  // However a test ends: with nothing sent, in order, with a connection that stays open, or in the middle of a wait.
  if (index % 10 === 0) {
    const transport = createTransport({ ...mail.smtp.settings, pool: index % 20 === 0 })
    await transport.sendMail({ from: 'a@app.test', to: 'b@app.test', text: 'x' })
    await mail.waitForMessage()
    if (index % 20 !== 0) transport.close()
    else setImmediate(() => transport.close())
  }
  const wait = index % 7 === 0 ? mail.waitForMessage({ to: 'nobody@app.test' }).catch(() => {}) : undefined
  await mail.close()
  await wait
}

const rounds = Number(process.argv[2] ?? 1_000)
for (let index = 0; index < rounds / 2; index++) await once(index)
const halfway = held()
for (let index = 0; index < rounds / 2; index++) await once(index)
await new Promise(resolve => setTimeout(resolve, 50))
process.stdout.write(JSON.stringify({ halfway, end: held() }))
