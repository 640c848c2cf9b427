import { MailError } from 'posthorn'
import type { ChangeFeed } from './change-feed.ts'
import type { Journal } from './journal.ts'
import type { Tables } from './rows.ts'

/** Does all work of a storage: while it is open, in its turn, and with news of it after the commit. */
export class Work {
  readonly #journal: Journal
  readonly #tables: Tables
  readonly #feed: ChangeFeed
  readonly #underWay = new Set<Promise<unknown>>()
  #afterwards: (() => unknown)[] = []
  #closing: Promise<void> | undefined

  constructor(journal: Journal, tables: Tables, feed: ChangeFeed) {
    this.#journal = journal
    this.#tables = tables
    this.#feed = feed
  }

  /** One commit, and nothing else. @throws MailError `CLOSED`. */
  do<Result>(run: () => Result): Promise<Result> {
    return this.enter(() => this.commit(run))
  }

  /** Work of several steps; closing waits for all of it. @throws MailError `CLOSED`. */
  async enter<Result>(steps: () => Promise<Result>): Promise<Result> {
    if (this.#closing) throw new MailError('CLOSED', 'journalStorage: used after it was closed')
    const work = steps()
    this.#underWay.add(work)
    try {
      return await work
    } finally {
      this.#underWay.delete(work)
    }
  }

  /** A step that reads and changes tables: all of its changes are made, or none. */
  async commit<Result>(run: () => Result): Promise<Result> {
    let tell = () => {}
    const result = await this.#journal.commit(() => {
      this.#forget()
      const result = run()
      const changes = this.#feed.take(id => this.#tables.mailboxes.get(id))
      const afterwards = this.#forget()
      tell = () => {
        this.#feed.tell(changes)
        for (const act of afterwards) act()
      }
      return result
    })
    tell()
    return result
  }

  /** Something to do once the commit under way is made. */
  afterwards(act: () => unknown): void {
    this.#afterwards.push(act)
  }

  /** Lets nothing new begin; resolves when all has ended. */
  end(): Promise<void> {
    this.#closing ??= Promise.allSettled([...this.#underWay]).then(() => this.#journal.close())
    return this.#closing
  }

  /** Work that threw may have left news of what was taken back. */
  #forget(): (() => unknown)[] {
    this.#feed.take(() => undefined)
    return this.#afterwards.splice(0)
  }
}
