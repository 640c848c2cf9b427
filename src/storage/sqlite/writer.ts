import { MailError } from '../../core/error.js'
import type { StorageChange } from '../storage.js'
import type { CommandArgs, CommandName, CommandResult } from './commands.js'
import type { Command, GroupResult, Outcome } from './group-commit.js'
import { decodeError, encodeError } from './sqlite-error.js'

/** Where groups are committed: in this thread or another. */
export interface Committer {
  commit(group: readonly Command[]): Promise<GroupResult>
  close(): Promise<void>
}

/** One transaction takes no more commands than this, and no more octets of messages, so that none waits for long. */
const mostCommands = 500
const mostBytes = 8 * 1024 * 1024

interface Waiting {
  readonly command: Command
  readonly weight: number
  readonly done: (outcome: Outcome) => void
}

/**
 * Gathers commands into groups. Those that come in one turn of the event loop go together at its end, and those that
 * come while a group is committed make the next; so a lone one waits for nothing, and under load groups grow.
 */
export class Writer {
  readonly #committer: Committer
  readonly #publish: (changes: readonly StorageChange[]) => void
  #waiting: Waiting[] = []
  #busy = false
  #scheduled = false
  #ended: (() => void) | undefined
  /** Transactions made, and commands in them. */
  readonly counts = { commits: 0, commands: 0 }

  constructor(committer: Committer, publish: (changes: readonly StorageChange[]) => void) {
    this.#committer = committer
    this.#publish = publish
  }

  /**
   * Runs a command; resolves once it is durable.
   * @param weight - octets of message bytes in it.
   */
  run<Name extends CommandName>(
    name: Name,
    args: CommandArgs<Name>,
    weight = 0,
  ): Promise<CommandResult<Name>> {
    if (this.#ended) return Promise.reject(new MailError('CLOSED', 'sqliteStorage: used after it was closed'))
    return new Promise((resolve, reject) => {
      const done = (outcome: Outcome) => {
        if ('error' in outcome) reject(decodeError(outcome.error))
        else resolve(outcome.value as CommandResult<Name>)
      }
      this.#waiting.push({ command: { name, args }, weight, done })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#busy || this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#commitAll()
    })
  }

  async #commitAll(): Promise<void> {
    this.#busy = true
    while (this.#waiting.length > 0) await this.#commitOne(this.#takeGroup())
    this.#busy = false
    this.#ended?.()
  }

  #takeGroup(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const { weight } of this.#waiting) {
      bytes += weight
      if (count === mostCommands || (count > 0 && bytes > mostBytes)) break
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #commitOne(group: readonly Waiting[]): Promise<void> {
    try {
      const { outcomes, changes } = await this.#committer.commit(group.map(({ command }) => command))
      this.counts.commits++
      this.counts.commands += group.length
      for (const [index, { done }] of group.entries()) done(outcomes[index] ?? noOutcome)
      this.#publish(changes)
    } catch (thrown) {
      const error = encodeError(thrown)
      for (const { done } of group) done({ error })
    }
  }

  /** Takes nothing new; resolves when what was taken is committed and the committer closed. */
  async close(): Promise<void> {
    await new Promise<void>(resolve => {
      this.#ended = resolve
      if (!this.#busy && !this.#scheduled) resolve()
    })
    await this.#committer.close()
  }
}

const noOutcome: Outcome = {
  error: {
    code: 'STORAGE_FAILED',
    message: 'sqliteStorage: a group had fewer outcomes than commands',
    temporary: true,
  },
}
