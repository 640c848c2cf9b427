import { MailError } from '../../core/error.js'
import type { NumberedChanges } from './change-rows.js'
import type { CommandArgs, CommandName, CommandResult } from './commands.js'
import { type Command, type GroupResult, mostOfGroup, type Outcome } from './group-commit.js'
import { decodeError, encodeError } from './sqlite-error.js'

/** Where groups are committed: in this thread or another. */
export interface Committer {
  /** Transactions made. */
  readonly commits: number
  /**
   * Commits a group, behind those before it. Need not be waited for: groups that come while one is committed may share
   * the next transaction.
   */
  commit(group: CommandGroup): Promise<GroupResult>
  close(): Promise<void>
}

/** Commands that came together. */
export interface CommandGroup {
  readonly commands: readonly Command[]
  /** Octets of message bytes in them. */
  readonly bytes: number
}

interface Waiting {
  readonly command: Command
  readonly weight: number
  readonly done: (outcome: Outcome) => void
}

/**
 * Gathers commands into groups. Those that come in one turn of the event loop go together at its end, and what comes
 * while the committer is at work shares its next transaction; so a lone one waits for nothing, and under load
 * transactions grow.
 */
export class Writer {
  readonly #committer: Committer
  readonly #committed: (changes: NumberedChanges) => void
  #waiting: Waiting[] = []
  #underWay = 0
  #scheduled = false
  #ended: (() => void) | undefined
  #commands = 0

  /** @param committed - is told what a commit changed, after those whose commands are in it. */
  constructor(committer: Committer, committed: (changes: NumberedChanges) => void) {
    this.#committer = committer
    this.#committed = committed
  }

  /** Transactions made, and commands in them. */
  get counts(): { readonly commits: number; readonly commands: number } {
    return { commits: this.#committer.commits, commands: this.#commands }
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
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      while (this.#waiting.length > 0) void this.#commit(this.#takeGroup())
    })
  }

  #takeGroup(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const { weight } of this.#waiting) {
      bytes += weight
      if (count === mostOfGroup.commands || (count > 0 && bytes > mostOfGroup.bytes)) break
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    this.#underWay++
    const bytes = group.reduce((sum, { weight }) => sum + weight, 0)
    try {
      const commands = group.map(({ command }) => command)
      const result = await this.#committer.commit({ commands, bytes })
      this.#commands += group.length
      for (const [index, { done }] of group.entries()) done(result.outcomes[index] ?? noOutcome)
      this.#committed(result)
    } catch (thrown) {
      const error = encodeError(thrown)
      for (const { done } of group) done({ error })
    }
    this.#underWay--
    if (this.#isIdle()) this.#ended?.()
  }

  #isIdle(): boolean {
    return this.#underWay === 0 && !this.#scheduled
  }

  /** Takes nothing new; resolves when what was taken is committed and the committer closed. */
  async close(): Promise<void> {
    await new Promise<void>(resolve => {
      this.#ended = resolve
      if (this.#isIdle()) resolve()
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
