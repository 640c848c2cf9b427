/** A storage of one's own: mail that outlives the process, in a directory of files. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMailStore } from 'posthorn'
import { journalStorage } from './journal-storage.ts'

const directory = await mkdtemp(join(tmpdir(), 'own-storage-'))
try {
  const before = await journalStorage({ directory })
  const store = createMailStore({ storage: before })
  await store.append('alice', 'Subject: Keep me\r\n\r\nPlease.\r\n', {
    mailbox: 'Letters',
    flags: ['\\Flagged'],
  })
  await store.close()
  await before.close()

  const after = await journalStorage({ directory })
  const again = createMailStore({ storage: after })
  const letters = await again.mailbox('alice', 'Letters')
  const [message] = await letters.list()
  assert.deepEqual(message?.flags, ['\\Flagged'])
  assert.equal((await letters.parse(message)).subject, 'Keep me')
  console.log('The letter was there when the storage was opened again')
  await again.close()
  await after.close()
} finally {
  await rm(directory, { recursive: true, force: true })
}
