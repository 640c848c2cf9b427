import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MailError } from 'posthorn'
import { type Change, Table } from './table.ts'

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
  committed: (changes: readonly Change[]) => Promise<void> = async () => {}
  readonly #path: string
  readonly #tables = new Map<string, Table<object>>()
  readonly #underWay = new Set<Promise<unknown>>()
  #changes: Change[] = []
  #last: Promise<unknown> = Promise.resolve()
  #file: FileHandle | undefined
  /** Octets of the file that are whole lines. */
  #length = 0
  #failure: unknown
  #closing: Promise<void> | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** A table; to be called before {@link Journal.open}. */
  table<Row extends object>(name: string): Table<Row> {
    const table = new Table<Row>(name, change => this.#changes.push(change))
    this.#tables.set(name, table)
    return table
  }

  async open(): Promise<void> {
    this.#file = await open(this.#path, 'a+', 0o600)
    await syncDirectory(dirname(this.#path))
    const text = await this.#file.readFile('utf8')
    // What is behind the last end of a line was cut off by a crash, and never answered for.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    for (const line of whole.split('\n').slice(0, -1))
      for (const [table, key, row] of JSON.parse(line)) this.#tables.get(table)?.restore(key, row)
    this.#length = Buffer.byteLength(whole)
    await this.#file.truncate(this.#length)
  }

  /**
   * Runs work on the tables, behind all that came before. Resolves to a copy of its result when what it changed is on
   * disk; when it throws, or cannot be written, nothing has changed.
   */
  commit<Result>(work: () => Result): Promise<Result> {
    const result = this.#last.then(() => this.#commit(work))
    this.#last = result.catch(() => {})
    return result
  }

  async #commit<Result>(work: () => Result): Promise<Result> {
    this.#changes = []
    try {
      const result = structuredClone(work())
      await this.#append(this.#changes)
      await this.committed(this.#changes)
      return result
    } catch (thrown) {
      for (const { table, key, before } of this.#changes.reverse()) table.restore(key, before)
      throw describeFull(thrown)
    }
  }

  async #append(changes: readonly Change[]): Promise<void> {
    if (this.#failure) throw this.#failure
    if (!this.#file || changes.length === 0) return
    const rows = changes.map(({ table, key, after }) => [table.name, key, after])
    const line = Buffer.from(`${JSON.stringify(rows)}\n`)
    try {
      await this.#file.appendFile(line)
      await this.#file.datasync()
      this.#length += line.length
    } catch (thrown) {
      // Half a line must not stay before the next one. A file that cannot be cut is not written again.
      await this.#file.truncate(this.#length).catch(failure => {
        this.#failure = failure
      })
      throw thrown
    }
  }

  /** Makes each call one commit. */
  inCommits<Part>(calls: Calls<Part>): Part {
    const all = Object.entries<(...args: unknown[]) => unknown>(calls)
    const each = all.map(([name, call]) => {
      const inCommit = (...args: unknown[]) => this.enter(() => this.commit(() => call.apply(calls, args)))
      return [name, inCommit]
    })
    return Object.fromEntries(each)
  }

  /** Takes the steps of one call, which closing waits for. @throws MailError `CLOSED`. */
  async enter<Result>(steps: () => Promise<Result>): Promise<Result> {
    if (this.#closing) throw new MailError('CLOSED', 'journalStorage: used after it was closed')
    const work = steps()
    this.#underWay.add(work)
    return work.finally(() => this.#underWay.delete(work))
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#underWay).then(() => this.#file?.close())
    return this.#closing
  }
}

/** A full disk as the contract wants it, so that mail clients hear `452 4.3.1`; anything else as it is. */
export function describeFull(thrown: unknown): unknown {
  const { code, message } = thrown as NodeJS.ErrnoException
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return thrown
  return new MailError('STORAGE_FULL', `journalStorage: ${message}`, { temporary: true, cause: thrown })
}

/** Makes names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  await directory.sync().finally(() => directory.close())
}
