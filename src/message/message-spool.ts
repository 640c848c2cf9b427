import { tmpdir } from 'node:os'
import { MailError } from '../core/error.js'
import { ChunkList } from './chunk-list.js'
import type { ByteRange, MessageSource } from './message-source.js'
import { SpoolFile } from './spool-file.js'

/** Options of {@link createMessageSpool}. */
export interface MessageSpoolOptions {
  /** Octets kept in memory; a longer message goes to a temporary file. Default: 1 MiB. */
  memoryLimit?: number
  /** Where the temporary file is made. Default: the system's directory for such files. */
  directory?: string
}

/** Takes the bytes of one message as they arrive. */
export interface MessageSpool {
  /** Octets written so far. */
  readonly size: number
  /**
   * Appends a chunk, which must not be changed afterwards. Returns a promise only when a temporary file is behind:
   * wait for it before writing on.
   * Rejects with MailError `STORAGE_FULL` or `STORAGE_FAILED`, temporary.
   */
  write(chunk: Uint8Array): void | Promise<void>
  /** Ends the message. @throws MailError `STORAGE_FULL` or `STORAGE_FAILED`, temporary; `CLOSED` after the end. */
  finish(): Promise<SpooledMessage>
  /** Gives the message up. Never fails; may be called at any time, also while a write is under way. */
  discard(): Promise<void>
}

/** A spooled message. Its bytes are held in memory or in a temporary file until it is disposed of. */
export interface SpooledMessage extends MessageSource {
  /**
   * Lets go of memory and file. Reading afterwards rejects with MailError `CLOSED`; `bytes` that were handed out
   * stay. Never fails; a second call resolves with the first.
   */
  dispose(): Promise<void>
}

/** Creates a spool for one message. Cheap: it opens nothing before the message outgrows the memory limit. */
export function createMessageSpool(options: MessageSpoolOptions = {}): MessageSpool {
  return new Spool(options.memoryLimit ?? 1024 * 1024, options.directory)
}

class Spool implements MessageSpool {
  readonly #memoryLimit: number
  readonly #directory: string | undefined
  #memory: ChunkList | undefined = new ChunkList()
  #file: SpoolFile | undefined
  #size = 0

  constructor(memoryLimit: number, directory: string | undefined) {
    this.#memoryLimit = memoryLimit
    this.#directory = directory
  }

  get size(): number {
    return this.#size
  }

  write(chunk: Uint8Array): void | Promise<void> {
    this.#size += chunk.length
    if (this.#file) return this.#file.write([chunk])
    if (!this.#memory) return Promise.reject(closedError())
    this.#memory.push(chunk)
    return this.#size > this.#memoryLimit ? this.#moveToFile(this.#memory) : undefined
  }

  async finish(): Promise<SpooledMessage> {
    const memory = this.#memory
    if (memory) {
      this.#memory = undefined
      return new MemoryMessage(memory)
    }
    const file = this.#file
    if (!file) throw closedError()
    await file.finish()
    this.#file = undefined
    return new FileMessage(file, this.#size)
  }

  async discard(): Promise<void> {
    this.#memory = undefined
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  #moveToFile(memory: ChunkList): void | Promise<void> {
    const file = new SpoolFile(this.#directory ?? tmpdir())
    this.#memory = undefined
    this.#file = file
    return file.write(memory.chunks)
  }
}

/** Octets of a message that is held in one piece. */
const longestJoined = 64 * 1024

class MemoryMessage implements SpooledMessage {
  readonly size: number
  readonly #memory: ChunkList
  #disposed = false

  constructor(memory: ChunkList) {
    this.size = memory.size
    this.#memory = memory
  }

  /** A long message stays in the pieces it came in: joining them costs as much as all the rest of taking it. */
  get pieces(): readonly Uint8Array[] {
    return this.size > longestJoined ? this.#memory.chunks : [this.#memory.join()]
  }

  get bytes(): Uint8Array | undefined {
    const [only, ...more] = this.pieces
    return more.length === 0 ? only : undefined
  }

  async *open(range?: ByteRange): AsyncGenerator<Uint8Array> {
    for (const chunk of this.#memory.range(range)) {
      if (this.#disposed) throw closedError()
      yield chunk
    }
  }

  async dispose(): Promise<void> {
    this.#disposed = true
  }
}

class FileMessage implements SpooledMessage {
  readonly size: number
  readonly #file: SpoolFile

  constructor(file: SpoolFile, size: number) {
    this.size = size
    this.#file = file
  }

  open(range?: ByteRange): AsyncIterable<Uint8Array> {
    return this.#file.read(this.size, range)
  }

  dispose(): Promise<void> {
    return this.#file.close()
  }
}

function closedError(): MailError {
  return new MailError('CLOSED', 'the message spool was used after its end')
}
