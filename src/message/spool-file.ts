import { randomUUID } from 'node:crypto'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isDiskFull } from '../core/disk-full.js'
import { describeError, MailError } from '../core/error.js'
import type { ByteRange } from './message-source.js'

const readSize = 64 * 1024

/** How many octets may wait for the disk before a writer is held back. */
const highWater = 512 * 1024

/**
 * A temporary file that one writer fills and many readers read. It is made for its owner only (0600), never
 * opens a file that is there already, and has no name from the moment it is open: a process that dies leaves
 * nothing behind.
 */
export class SpoolFile {
  readonly #path: string
  #handle: FileHandle | undefined
  #pending: Uint8Array[] = []
  #pendingSize = 0
  #flushing: Promise<void> | undefined
  #failure: MailError | undefined
  #closed: Promise<void> | undefined

  constructor(directory: string) {
    this.#path = join(directory, `posthorn-${randomUUID()}`)
  }

  /** Takes chunks by reference. Returns a promise when the writer is ahead of the disk, and rejects once writing failed. */
  write(chunks: readonly Uint8Array[]): void | Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure)
    for (const chunk of chunks) {
      this.#pending.push(chunk)
      this.#pendingSize += chunk.length
    }
    const flushed = this.#flush()
    return this.#pendingSize > highWater ? flushed.then(() => this.#throwFailure()) : undefined
  }

  /** Resolves when all is written. @throws MailError `STORAGE_FULL`, `STORAGE_FAILED`. */
  async finish(): Promise<void> {
    await this.#flush()
    this.#throwFailure()
  }

  /** Reads a range. @throws MailError `CLOSED`, `STORAGE_FAILED`. */
  async *read(size: number, range: ByteRange = {}): AsyncGenerator<Uint8Array> {
    const end = Math.min(range.end ?? size, size)
    for (let position = Math.max(range.start ?? 0, 0); position < end; ) {
      const chunk = await this.#readAt(position, Math.min(readSize, end - position))
      position += chunk.length
      yield chunk
    }
  }

  /** Gives the file up. Never fails; a second call resolves with the first. */
  close(): Promise<void> {
    this.#closed ??= this.#end()
    return this.#closed
  }

  async #end(): Promise<void> {
    this.#failure ??= new MailError('CLOSED', 'the spooled message was disposed of')
    this.#pending = []
    await this.#flushing
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close().catch(() => {})
  }

  #flush(): Promise<void> {
    if (this.#pending.length > 0) this.#flushing ??= this.#writePending()
    return this.#flushing ?? Promise.resolve()
  }

  /** Never rejects: what went wrong is kept, and told to the next who asks. */
  async #writePending(): Promise<void> {
    try {
      this.#handle ??= await this.#create()
      while (this.#pending.length > 0 && !this.#failure) {
        const bytes = Buffer.concat(this.#pending)
        this.#pending = []
        await this.#handle.writeFile(bytes)
        this.#pendingSize -= bytes.length
      }
    } catch (error) {
      this.#failure ??= storageError(error)
      this.#pending = []
    } finally {
      // In the same turn as the loop's last look at what is pending, so that nothing slips in between.
      this.#flushing = undefined
    }
  }

  async #create(): Promise<FileHandle> {
    const handle = await open(this.#path, 'wx+', 0o600)
    try {
      await unlink(this.#path)
    } catch (error) {
      await handle.close()
      throw error
    }
    return handle
  }

  async #readAt(position: number, length: number): Promise<Uint8Array> {
    if (!this.#handle) throw this.#failure ?? new MailError('CLOSED', 'the spooled message was disposed of')
    const result = await this.#handle.read(Buffer.allocUnsafe(length), 0, length, position).catch(error => {
      throw storageError(error)
    })
    if (result.bytesRead > 0) return result.buffer.subarray(0, result.bytesRead)
    throw new MailError('STORAGE_FAILED', 'a spooled message is shorter than it was', { temporary: true })
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure
  }
}

function storageError(error: unknown): MailError {
  const code = isDiskFull(error) ? 'STORAGE_FULL' : 'STORAGE_FAILED'
  return new MailError(code, `cannot spool a message: ${describeError(error)}`, {
    temporary: true,
    cause: error,
  })
}
