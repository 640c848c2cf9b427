/** What a queue remembers beyond a restart: an address that does not exist, and what became of each recipient. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDeliveryQueue, storedSuppressionList, type Transport } from 'posthorn'
import { sqliteStorage } from 'posthorn/sqlite'

const folder = await mkdtemp(join(tmpdir(), 'posthorn-'))
const path = join(folder, 'mail.db')
const asked: string[] = []

/** The way out: a server that knows everybody but Bob. */
const transport: Transport = {
  async deliver({ recipients }) {
    return recipients.map(({ address: recipient }) => {
      asked.push(recipient)
      if (recipient !== 'bob@other.test')
        return { recipient, status: 'delivered', scope: 'recipient', reason: 'taken' }
      const reply = { code: 550, enhanced: '5.1.1', text: 'No such user' }
      return { recipient, status: 'failed', scope: 'recipient', reason: 'there is no Bob', reply }
    })
  },
  async close() {},
}

/** One process: it writes to Bob and to Carol. */
async function writeToBoth() {
  await using storage = sqliteStorage({ path })
  await using queue = createDeliveryQueue({
    hostname: 'mx.example.test',
    storage,
    transport,
    suppression: { addHardBounces: true },
    history: { keep: '7d' },
  })
  await queue.start()
  for (const to of ['bob@other.test', 'carol@other.test']) {
    await queue.send({ from: 'news@example.test', to, text: 'News' })
  }
  await queue.idle()
}

await writeToBoth()
await writeToBoth()
assert.deepEqual(
  asked.filter(address => address === 'bob@other.test'),
  ['bob@other.test'],
)

// Another process: nothing of it is in the memory of a queue.
await using storage = sqliteStorage({ path })
await using queue = createDeliveryQueue({ hostname: 'mx.example.test', storage, transport })
const [first, second] = await queue.history({ recipient: 'bob@other.test' })
assert.deepEqual([first?.end, second?.end], ['bounced', 'bounced'])
console.log(`Bob's server said: ${first?.history.at(-1)?.reason}`)
console.log(`The next letter to him was not sent: ${second?.history.at(-1)?.reason}`)
assert.equal(await storedSuppressionList({ storage }).remove('bob@other.test'), true)
await queue.close()
await storage.close()
await rm(folder, { recursive: true })
