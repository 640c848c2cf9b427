import { type Command, GroupCommit, type GroupResult } from './group-commit.js'
import type { SqliteDatabase } from './sqlite-database.js'
import type { Committer } from './writer.js'

/** Commits in the calling thread. */
export class InlineCommitter implements Committer {
  readonly #database: SqliteDatabase
  readonly #groups: GroupCommit

  constructor(database: SqliteDatabase, origin: string) {
    this.#database = database
    this.#groups = new GroupCommit(database, origin)
  }

  async commit(group: readonly Command[]): Promise<GroupResult> {
    return this.#groups.commit(group)
  }

  async close(): Promise<void> {
    this.#database.close()
  }
}
