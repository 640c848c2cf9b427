import { randomUUID } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { open, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesSource, concatSources, type MessageSource } from 'posthorn'

/** Message bytes, a file each, which is on disk before the commit that refers to it and goes after the last one that does. */
export class BlobFiles {
  constructor(readonly directory: string) {}

  async write(source: AsyncIterable<Uint8Array>): Promise<{ id: string; size: number }> {
    const id = randomUUID()
    try {
      await writeFile(join(this.directory, id), source, { flag: 'wx', mode: 0o600, flush: true })
      await syncDirectory(this.directory)
      return { id, size: this.size(id) ?? 0 }
    } catch (thrown) {
      await this.removeUnused([id])
      throw thrown
    }
  }

  size(id: string): number | undefined {
    return statSync(join(this.directory, id), { throwIfNoEntry: false })?.size
  }

  async open(id: string, prefix: Uint8Array = new Uint8Array()): Promise<MessageSource | undefined> {
    const path = join(this.directory, id)
    const size = this.size(id)
    if (size === undefined) return undefined
    async function* read({ start = 0, end = Number.POSITIVE_INFINITY } = {}) {
      if (start < end) yield* createReadStream(path, { start, end: end - 1 })
    }
    return concatSources([bytesSource(prefix), { size, open: read }])
  }

  async removeUnused(ids: Iterable<string>, used: ReadonlySet<string> = new Set()): Promise<void> {
    // What cannot be removed goes when the storage is opened next.
    for (const id of ids)
      if (!used.has(id)) await rm(join(this.directory, id), { force: true }).catch(() => {})
  }
}

/** Makes names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  await directory.sync().finally(() => directory.close())
}
