/** A storage of one's own: mail that outlives the process, in a directory of files. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMailStore } from 'posthorn'
import { journalStorage } from './journal-storage.ts'

const directory = await mkdtemp(join(tmpdir(), 'own-storage-'))
try {
  await using storage = await journalStorage({ directory })
  await createMailStore({ storage }).append('alice', 'Subject: Keep me\r\n\r\nPlease.\r\n')
  await storage.close()

  await using again = await journalStorage({ directory })
  const inbox = await createMailStore({ storage: again }).mailbox('alice')
  assert.equal((await inbox.parse(1)).subject, 'Keep me')
  console.log('The letter was there when the storage was opened again')
} finally {
  await rm(directory, { recursive: true, force: true })
}
