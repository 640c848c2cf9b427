import type { FileHandle } from 'node:fs/promises'
import { type AcceptBatch, exactChunks, StorageLifetime } from 'posthorn'
import type { Tables } from './tables.ts'

/** What the calls of a part of the storage do to the tables. */
export type Calls<Part> = {
  [Name in keyof Part]: Part[Name] extends (...args: infer Args) => Promise<infer Result>
    ? (...args: Args) => Result
    : never
}

/**
 * Tables in memory whose changes are in a file before anybody hears of them: a line of JSON for each commit, which whoever
 * opens it reads again. Nothing makes the file shorter.
 */
export class Journal {
  /** Called with each commit, before its caller hears of it and before the next one. */
  committed: (before: Tables, after: Tables) => Promise<void> = async () => {}
  readonly lifetime = new StorageLifetime('journalStorage')
  /** Octets of the file that are whole lines. */
  #length = 0
  #last: Promise<unknown> = Promise.resolve()

  /** @param tables - as they are after the last commit. */
  constructor(
    readonly file: FileHandle,
    public tables: Tables,
  ) {}

  async read(): Promise<void> {
    const lines = (await this.file.readFile('utf8')).split('\n')
    // What is behind the last end of a line was cut off by a crash, and never answered for.
    for (const line of lines.slice(0, -1)) {
      this.tables.apply(JSON.parse(line))
      this.#length += Buffer.byteLength(line) + 1
    }
  }

  /** Makes each call one commit. */
  inCommits<Part>(callsOf: (tables: Tables) => Calls<Part>): Part {
    const commit = (name: string, args: unknown[]) =>
      this.lifetime.run(() => this.#commit(tables => Reflect.get(Object(callsOf(tables)), name)(...args)))
    const names = Object.keys(callsOf(this.tables))
    const calls = names.map(name => [name, (...args: unknown[]) => commit(name, args)])
    return Object.fromEntries(calls)
  }

  /** Writes the bytes of batches, which may take long; then makes the commit that refers to them as blobs. */
  commitBatches<Result>(
    batches: readonly AcceptBatch[],
    work: (tables: Tables, stored: AcceptBatch[]) => Result,
  ): Promise<Result> {
    return this.lifetime.run(async () => {
      const written = new Map<AcceptBatch, AcceptBatch & { message: { blob: string } }>()
      try {
        for (const batch of batches) {
          if ('blob' in batch.message) continue
          const { id: blob } = await this.tables.files.write(exactChunks(batch.message))
          written.set(batch, { ...batch, message: { blob } })
        }
        const stored = batches.map(batch => written.get(batch) ?? batch)
        return await this.#commit(tables => work(tables, stored))
      } finally {
        // Nobody refers to them when the commit failed, or knew the batch.
        const blobs = [...written.values()].map(({ message }) => message.blob)
        await this.tables.files.removeUnused(blobs, this.tables.blobs())
      }
    })
  }

  /**
   * Runs work on a copy of the tables, behind all that came before. Resolves to a copy of its result when what it changed is
   * on disk; when it throws, or cannot be written, nothing has changed.
   */
  #commit<Result>(work: (tables: Tables) => Result): Promise<Result> {
    const result = this.#last.then(async () => {
      const before = this.tables
      const draft = before.copy()
      const result = structuredClone(work(draft))
      const line = JSON.stringify(draft.changesSince(before))
      if (line === '[]') return result
      await this.#append(Buffer.from(`${line}\n`))
      // As the next start will read them: no part of them is in the hands of a caller.
      this.tables = before.copy().apply(JSON.parse(line))
      await this.committed(before, this.tables)
      return result
    })
    this.#last = result.catch(() => {})
    return result
  }

  async #append(line: Buffer): Promise<void> {
    try {
      // Half a line that could not be cut off must not stay before the next one.
      await this.file.truncate(this.#length)
      await this.file.appendFile(line)
      await this.file.datasync()
      this.#length += line.length
    } catch (thrown) {
      await this.file.truncate(this.#length).catch(() => {})
      throw thrown
    }
  }
}
