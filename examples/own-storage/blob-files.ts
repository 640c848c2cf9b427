import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type BlobId,
  type BlobStorage,
  bytesSource,
  concatSources,
  MailError,
  type MessageSource,
} from 'posthorn'
import { describeFull } from './full-disk.ts'
import { syncDirectory } from './journal.ts'
import type { Tables } from './rows.ts'
import type { Work } from './work.ts'

/** A file on disk that no row knows of yet. */
export interface StagedBlob {
  readonly id: BlobId
  readonly size: number
}

/** Message bytes, a file each. A file is on disk before the commit that refers to it, and goes after the last one that does. */
export class BlobFiles implements BlobStorage {
  readonly #directory: string
  readonly #tables: Tables
  readonly #work: Work

  constructor(directory: string, tables: Tables, work: Work) {
    this.#directory = directory
    this.#tables = tables
    this.#work = work
  }

  /** Removes what a crash left: files without a row, and blobs that nothing came to refer to. */
  async clean(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    for (const { id, references } of this.#tables.blobs.rows())
      if (references === 0) this.#tables.blobs.delete(id)
    for (const name of await readdir(this.#directory))
      if (!this.#tables.blobs.get(name)) await this.remove(name)
  }

  write(source: AsyncIterable<Uint8Array>): Promise<{ id: BlobId; size: number }> {
    return this.#work.enter(async () => {
      const staged = await this.stage(source)
      await this.#work.commit(() => this.#tables.blobs.put(staged.id, { ...staged, references: 0 }))
      return staged
    })
  }

  open(id: BlobId, prefix?: Uint8Array): Promise<MessageSource | undefined> {
    return this.#work.do(() => {
      const blob = this.#tables.blobs.get(id)
      if (!blob) return undefined
      const source = { size: blob.size, open: this.#reader(id, blob.size) }
      return prefix?.length ? concatSources([bytesSource(prefix), source]) : source
    })
  }

  #reader(id: BlobId, size: number): MessageSource['open'] {
    return async function* (this: BlobFiles, { start = 0, end = size } = {}) {
      if (start < Math.min(end, size))
        yield* createReadStream(this.#path(id), { start, end: Math.min(end, size) - 1 })
    }.bind(this)
  }

  /**
   * Writes bytes that a commit may refer to then. With `size`, they are to be so many.
   * @throws MailError `MESSAGE_INCOMPLETE`, `STORAGE_FULL`.
   */
  async stage(source: AsyncIterable<Uint8Array>, size?: number): Promise<StagedBlob> {
    const id = randomUUID()
    try {
      const file = await open(this.#path(id), 'wx', 0o600)
      const written = await fill(file, source).finally(() => file.close())
      if (size !== undefined && written !== size) {
        throw new MailError('MESSAGE_INCOMPLETE', `expected ${size} octets, got ${written}`, {
          temporary: true,
        })
      }
      await syncDirectory(this.#directory)
      return { id, size: written }
    } catch (thrown) {
      await this.remove(id)
      throw describeFull(thrown)
    }
  }

  /** Counts references, within a commit. The file of a blob that lost its last one is removed after it. */
  refer(id: BlobId, count: number): void {
    const blob = this.#tables.blobs.get(id)
    if (!blob || count === 0) return
    const references = blob.references + count
    if (references > 0) this.#tables.blobs.put(id, { ...blob, references })
    else {
      this.#tables.blobs.delete(id)
      this.#work.afterwards(() => this.remove(id))
    }
  }

  /** Removes a file, if it is there. */
  async remove(id: BlobId): Promise<void> {
    await unlink(this.#path(id)).catch(() => {})
  }

  #path(id: BlobId): string {
    return join(this.#directory, id)
  }
}

async function fill(file: FileHandle, source: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0
  for await (const chunk of source) {
    await file.appendFile(chunk)
    size += chunk.length
  }
  await file.datasync()
  return size
}
