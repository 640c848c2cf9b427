import { randomUUID } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesSource, concatSources, MailError, type MessageSource } from 'posthorn'
import { describeFull, syncDirectory } from './journal.ts'

/** Message bytes, a file each, which is on disk before the commit that refers to it and goes after the last one that does. */
export class BlobFiles {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Removes what nothing refers to: a crash left it, or it never came into use. */
  async keepOnly(used: ReadonlySet<string | undefined>): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    for (const id of await readdir(this.#directory)) if (!used.has(id)) await this.remove(id)
  }

  /** @throws MailError `MESSAGE_INCOMPLETE` when there are not `expected` octets; `STORAGE_FULL`. */
  async write(source: AsyncIterable<Uint8Array>, expected?: number): Promise<{ id: string; size: number }> {
    const id = randomUUID()
    try {
      const size = await this.#fill(id, source)
      if (size === (expected ?? size)) return { id, size }
      throw new MailError('MESSAGE_INCOMPLETE', `got ${size} octets of ${expected}`, { temporary: true })
    } catch (thrown) {
      await this.remove(id)
      throw describeFull(thrown)
    }
  }

  async #fill(id: string, source: AsyncIterable<Uint8Array>): Promise<number> {
    const file = await open(this.#path(id), 'wx', 0o600)
    try {
      for await (const chunk of source) await file.appendFile(chunk)
      await file.datasync()
      await syncDirectory(this.#directory)
      return (await file.stat()).size
    } finally {
      await file.close()
    }
  }

  size(id: string): number | undefined {
    return statSync(this.#path(id), { throwIfNoEntry: false })?.size
  }

  async open(id: string, prefix: Uint8Array = new Uint8Array()): Promise<MessageSource | undefined> {
    const size = this.size(id)
    if (size === undefined) return undefined
    const path = this.#path(id)
    async function* read({ start = 0, end = Number.POSITIVE_INFINITY } = {}) {
      const last = Math.min(end, size ?? 0) - 1
      if (start <= last) yield* createReadStream(path, { start, end: last })
    }
    return concatSources([bytesSource(prefix), { size, open: read }])
  }

  async remove(id: string): Promise<void> {
    // What cannot be removed goes when the storage is opened next.
    await rm(this.#path(id), { force: true }).catch(() => {})
  }

  #path(id: string): string {
    return join(this.#directory, id)
  }
}
