import { GroupCommit, type GroupResult } from './group-commit.js'
import type { SqliteDatabase } from './sqlite-database.js'
import type { CommandGroup, Committer } from './writer.js'

/** Commits in the calling thread. */
export class InlineCommitter implements Committer {
  readonly #database: SqliteDatabase
  readonly #groups: GroupCommit
  commits = 0

  constructor(database: SqliteDatabase) {
    this.#database = database
    this.#groups = new GroupCommit(database)
  }

  async commit({ commands }: CommandGroup): Promise<GroupResult> {
    this.commits++
    return this.#groups.commit(commands)
  }

  async close(): Promise<void> {
    this.#database.close()
  }
}
