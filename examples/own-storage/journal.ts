import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { describeFull } from './full-disk.ts'
import { type Change, Table } from './table.ts'

/** Work that waits for its turn. */
interface Job {
  /** Reads and changes tables. What it throws takes its changes back, and nobody else's. */
  run(): unknown
  resolve(result: unknown): void
  reject(reason: unknown): void
}

/**
 * Tables in memory whose changes are in a file before anybody hears of them. The file has a line for each commit:
 * JSON with the rows that changed. Whoever opens it reads the lines again; a last line that was cut by a crash was
 * never answered for, and is dropped.
 *
 * Work is done one after the other. What waits while the disk is busy shares the next write and its fsync.
 */
export class Journal {
  readonly #path: string
  readonly #tables = new Map<string, Table<object>>()
  #file: FileHandle | undefined
  /** Octets of the file that are whole lines. */
  #length = 0
  #changes: Change[] = []
  #undo: (() => void)[] = []
  #waiting: Job[] = []
  #working: Promise<void> | undefined
  #failure: unknown

  constructor(path: string) {
    this.#path = path
  }

  /** A table; to be called before {@link Journal.open}. */
  table<Row extends object>(name: string, groupOf?: (row: Row) => string): Table<Row> {
    const changed = (change: Change, undo: () => void) => {
      this.#changes.push(change)
      this.#undo.push(undo)
    }
    const table = new Table<Row>(name, changed, groupOf)
    this.#tables.set(name, table as unknown as Table<object>)
    return table
  }

  /** Reads the file, and writes it anew as one commit, so that it does not grow for ever. */
  async open(): Promise<void> {
    const text = await readFile(this.#path, 'utf8').catch(error =>
      error.code === 'ENOENT' ? '' : Promise.reject(error),
    )
    for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n')) {
      if (line === '') continue
      for (const [table, key, row] of JSON.parse(line) as Change[]) this.#tables.get(table)?.load(key, row)
    }
    const rows = [...this.#tables.values()].flatMap(table => table.dump())
    const fresh = `${this.#path}.new`
    await rm(fresh, { force: true })
    // Opened to append: what follows a line that was cut off goes where it was cut.
    this.#file = await open(fresh, 'a', 0o600)
    await this.#append(rows.length === 0 ? '' : `${JSON.stringify(rows)}\n`)
    await rename(fresh, this.#path)
    await syncDirectory(dirname(this.#path))
  }

  /** Does some work when its turn comes; resolves to its result when all it changed is on disk. */
  commit<Result>(run: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ run, resolve: resolve as (result: unknown) => void, reject })
      this.#working ??= this.#work()
    })
  }

  async close(): Promise<void> {
    await this.#working
    await this.#file?.close()
  }

  async #work(): Promise<void> {
    // A turn of the event loop, so that what comes at once goes together.
    await Promise.resolve()
    while (this.#waiting.length > 0) await this.#workOff(this.#waiting.splice(0))
    this.#working = undefined
  }

  async #workOff(jobs: readonly Job[]): Promise<void> {
    const done: (() => void)[] = []
    const undone: Job[] = []
    const undo: (() => void)[] = []
    let lines = ''
    for (const job of jobs) {
      try {
        const result = job.run()
        if (this.#changes.length > 0) lines += `${JSON.stringify(this.#changes)}\n`
        undo.push(...this.#undo)
        undone.push(job)
        done.push(() => job.resolve(result))
      } catch (thrown) {
        takeBack(this.#undo)
        job.reject(thrown)
      }
      this.#changes = []
      this.#undo = []
    }
    try {
      await this.#append(lines)
      for (const tell of done) tell()
    } catch (thrown) {
      takeBack(undo)
      for (const job of undone) job.reject(describeFull(thrown))
    }
  }

  async #append(lines: string): Promise<void> {
    if (this.#failure) throw this.#failure
    if (!this.#file || lines === '') return
    const bytes = Buffer.from(lines)
    try {
      await this.#file.appendFile(bytes)
      await this.#file.datasync()
      this.#length += bytes.length
    } catch (thrown) {
      // Half a line must not stay before the next one. A file that cannot be cut is not written again.
      await this.#file.truncate(this.#length).catch(failure => {
        this.#failure = failure
      })
      throw thrown
    }
  }
}

function takeBack(undo: readonly (() => void)[]): void {
  for (const one of [...undo].reverse()) one()
}

/** Makes names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
