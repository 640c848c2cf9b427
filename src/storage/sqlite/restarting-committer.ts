import type { Command, GroupResult } from './group-commit.js'
import { ThreadCommitter, type ThreadStart } from './thread-committer.js'
import type { Committer } from './writer.js'

/**
 * Commits in a thread, and in a new one when that died: calls that it had in hand fail as temporary, as nobody knows how
 * far it came, and those that come later work.
 */
export class RestartingCommitter implements Committer {
  readonly #start: ThreadStart
  #thread: ThreadCommitter

  private constructor(start: ThreadStart, thread: ThreadCommitter) {
    this.#start = start
    this.#thread = thread
  }

  /** Starts the first thread; resolves once the database is open. */
  static async start(start: ThreadStart): Promise<RestartingCommitter> {
    return new RestartingCommitter(start, await ThreadCommitter.start(start))
  }

  async commit(group: readonly Command[]): Promise<GroupResult> {
    if (this.#thread.isBroken) this.#thread = await ThreadCommitter.start(this.#start)
    return this.#thread.commit(group)
  }

  close(): Promise<void> {
    return this.#thread.close()
  }
}
