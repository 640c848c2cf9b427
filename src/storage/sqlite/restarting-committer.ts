import type { GroupResult } from './group-commit.js'
import { ThreadCommitter, type ThreadStart } from './thread-committer.js'
import type { CommandGroup, Committer } from './writer.js'

/**
 * Commits in a thread, and in a new one when that died: calls that it had in hand fail as temporary, as nobody knows how
 * far it came, and those that come later work.
 */
export class RestartingCommitter implements Committer {
  readonly #start: ThreadStart
  #thread: ThreadCommitter
  #starting: Promise<void> | undefined
  #commitsBefore = 0

  private constructor(start: ThreadStart, thread: ThreadCommitter) {
    this.#start = start
    this.#thread = thread
  }

  /** Starts the first thread; resolves once the database is open. */
  static async start(start: ThreadStart): Promise<RestartingCommitter> {
    return new RestartingCommitter(start, await ThreadCommitter.start(start))
  }

  get commits(): number {
    return this.#commitsBefore + this.#thread.commits
  }

  async commit(group: CommandGroup): Promise<GroupResult> {
    if (this.#thread.isBroken) {
      this.#starting ??= this.#restart()
      await this.#starting
    }
    return this.#thread.commit(group)
  }

  async #restart(): Promise<void> {
    try {
      const thread = await ThreadCommitter.start(this.#start)
      this.#commitsBefore += this.#thread.commits
      this.#thread = thread
    } finally {
      this.#starting = undefined
    }
  }

  close(): Promise<void> {
    return this.#thread.close()
  }
}
