import { appendFile, type FileHandle, open as openFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { journalStorage } from '../../../examples/own-storage/journal-storage.js'
import { bytesSource } from '../../../src/message/sources.js'
import { createMailStore } from '../../../src/store/create-mail-store.js'
import { temporaryDirectory } from '../../testing-tools/temporary-directory.js'

describe('journalStorage', () => {
  it('drops what a crash left half done, and nothing else', async () => {
    const directory = temporaryDirectory()
    const storage = await journalStorage({ directory })
    await createMailStore({ storage }).append('ann', 'one')
    await storage.blobs.write(bytesSource('nobody refers to it').open())
    await storage.close()
    await appendFile(join(directory, 'journal'), '[["messages","half')
    await writeFile(join(directory, 'blobs/half'), 'half')

    const again = await journalStorage({ directory })
    const store = createMailStore({ storage: again })
    expect(await store.usage('ann')).toEqual({ messages: 1, bytes: 3 })
    expect((await store.append('ann', 'two')).uid).toBe(2)
    expect(await readdir(join(directory, 'blobs'))).toHaveLength(2)
    await again.close()

    const last = await journalStorage({ directory })
    expect(await createMailStore({ storage: last }).usage('ann')).toEqual({ messages: 2, bytes: 6 })
    await last.close()
  })

  it('takes back what cannot be written, and goes on when it can', async () => {
    const directory = temporaryDirectory()
    const storage = await journalStorage({ directory })
    const store = createMailStore({ storage })
    await store.append('ann', 'one')
    const full = vi.spyOn(await fileHandles(directory), 'datasync').mockImplementation(async () => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    })
    await expect(store.createMailbox('ann', 'Work')).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    await expect(store.append('ann', 'two')).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    full.mockRestore()
    expect(await store.usage('ann')).toEqual({ messages: 1, bytes: 3 })
    expect((await store.append('ann', 'two')).uid).toBe(2)
    await storage.close()

    const again = await journalStorage({ directory })
    const after = createMailStore({ storage: again })
    expect((await after.mailboxes('ann')).map(({ name }) => name)).toEqual(['INBOX'])
    expect(await after.usage('ann')).toEqual({ messages: 2, bytes: 6 })
    await again.close()
  })
})

/** What all file handles have in common; Node exports no class. */
async function fileHandles(directory: string): Promise<FileHandle> {
  const probe = await openFile(join(directory, 'journal'))
  await probe.close()
  return Object.getPrototypeOf(probe)
}
