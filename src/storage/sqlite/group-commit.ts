import { describeError, MailError } from '../../core/error.js'
import { SweepTimes } from '../../core/sweep-times.js'
import { forgetBatches, forgetBatchesAhead } from './accept-batch.js'
import { settleCounters } from './append-messages.js'
import { releaseBlobs, sweepBlobs } from './blob-rows.js'
import { appendChanges, type NumberedChanges } from './change-rows.js'
import { type CommandName, commands } from './commands.js'
import { settleLanes } from './lanes.js'
import { forgetLocks } from './lock-rows.js'
import { forgetRecords } from './record-rows.js'
import type { SqliteDatabase } from './sqlite-database.js'
import { asStorageError, type EncodedError, encodeError } from './sqlite-error.js'
import { Changes, Transaction } from './transaction.js'

/** A call of one of the {@link commands}. */
export interface Command {
  readonly name: CommandName
  readonly args: readonly unknown[]
}

/** What became of a command. */
export type Outcome = { readonly value: unknown } | { readonly error: EncodedError }

/** What became of a group, in the order of its commands. */
export interface GroupResult extends NumberedChanges {
  readonly outcomes: readonly Outcome[]
}

/**
 * What is handed over at once has no more commands than this, and no more octets of messages, so that none waits for
 * long; a transaction, which several may share, has less than twice as much.
 */
export const mostOfGroup = { commands: 500, bytes: 8 * 1024 * 1024 }

const mostSwept = 200
/** Of records; a settlement may have left as many as this in a group behind it. */
const mostForgotten = 2_000

/** Ends a transaction in which a command failed. */
class CommandFailed extends Error {}

/**
 * Runs groups of commands, each group in one transaction with one wait for the disk. A command that fails fails alone; a
 * transaction that fails is a failure of all in it, and the next begins afresh.
 *
 * A savepoint before each command is a quarter of the work of storing a message, and hardly any command fails. So a group
 * runs without them; where a command fails, all is taken back and run again, each behind a savepoint.
 */
export class GroupCommit {
  readonly #tx: Transaction
  readonly #sweeps = new SweepTimes()

  constructor(database: SqliteDatabase) {
    this.#tx = new Transaction(database)
  }

  commit(group: readonly Command[]): GroupResult {
    try {
      const result = this.#runTogether(group) ?? this.#inTransaction(() => this.#run(group, this.#runApart))
      this.#sweep()
      return result
    } catch (thrown) {
      const error = encodeError(thrown)
      return { outcomes: group.map(() => ({ error })), changes: [], last: 0 }
    }
  }

  /** Gives nothing where a command failed; then nothing was done. */
  #runTogether(group: readonly Command[]): GroupResult | undefined {
    try {
      return this.#inTransaction(() => this.#run(group, this.#runOrEnd))
    } catch (thrown) {
      if (thrown instanceof CommandFailed) return undefined
      throw thrown
    }
  }

  #run(group: readonly Command[], runOne: (command: Command) => Outcome): GroupResult {
    const tx = this.#tx
    const changes = new Changes()
    tx.begun()
    const outcomes = group.map(command => {
      tx.changes = new Changes()
      const outcome = runOne(command)
      if ('value' in outcome) changes.merge(tx.changes)
      return outcome
    })
    settleCounters(tx)
    settleLanes(tx)
    releaseBlobs(tx, tx.released)
    if (tx.accepted > 0) forgetBatches(tx, this.#sweeps.last, 2 * tx.accepted + 16)
    const told = changes.list()
    return { outcomes, changes: told, last: appendChanges(tx, told) }
  }

  readonly #runOrEnd = (command: Command): Outcome => {
    try {
      return { value: this.#call(command) }
    } catch {
      throw new CommandFailed()
    }
  }

  readonly #runApart = (command: Command): Outcome => {
    const { released } = this.#tx
    const before = released.length
    this.#tx.run('SAVEPOINT command')
    try {
      const value = this.#call(command)
      settleCounters(this.#tx)
      this.#tx.run('RELEASE command')
      return { value }
    } catch (thrown) {
      this.#takeBack(thrown)
      this.#tx.appending.clear()
      released.length = before
      return { error: encodeError(thrown) }
    }
  }

  #call({ name, args }: Command): unknown {
    // Batches only append; whatever else comes may read the counters.
    if (name !== 'accept') settleCounters(this.#tx)
    const run = commands[name] as (tx: Transaction, ...args: readonly unknown[]) => unknown
    return run(this.#tx, ...args)
  }

  /** Some failures end the whole transaction (https://www.sqlite.org/lang_transaction.html): then there is no savepoint. */
  #takeBack(thrown: unknown): void {
    this.#tx.failed()
    try {
      this.#tx.run('ROLLBACK TO command')
      this.#tx.run('RELEASE command')
    } catch {
      throw asStorageError(thrown)
    }
  }

  #inTransaction<T>(work: () => T): T {
    this.#begin()
    try {
      const result = work()
      this.#tx.run('COMMIT')
      return result
    } catch (thrown) {
      this.#rollBack(thrown)
      throw thrown
    }
  }

  /** Where rolling back failed, what was left of the transaction before is ended first. */
  #begin(): void {
    try {
      this.#tx.run('BEGIN IMMEDIATE')
    } catch (thrown) {
      if (!/within a transaction/.test(describeError(thrown))) throw thrown
      this.#tx.run('ROLLBACK')
      this.#tx.run('BEGIN IMMEDIATE')
    }
  }

  #rollBack(thrown: unknown): void {
    this.#tx.failed()
    try {
      this.#tx.run('ROLLBACK')
    } catch (after) {
      // SQLite has rolled back by itself.
      if (/no transaction is active/.test(describeError(after))) return
      throw new MailError('STORAGE_FAILED', `sqliteStorage: rolling back: ${describeError(after)}`, {
        temporary: true,
        cause: thrown,
      })
    }
  }

  /** Clears away what has expired; what fails here is done by a later sweep. */
  #sweep(): void {
    const { now } = this.#tx
    if (now === Number.NEGATIVE_INFINITY) return
    const due = this.#sweeps.due(now)
    if (due === undefined) return
    try {
      const all = this.#inTransaction(() => {
        forgetLocks(this.#tx, due)
        forgetBatchesAhead(this.#tx, now, mostSwept)
        const forgotten = forgetRecords(this.#tx, due, mostForgotten)
        const swept = sweepBlobs(this.#tx, { now, due, limit: mostSwept })
        return swept < mostSwept && forgotten < mostForgotten
      })
      if (all) this.#sweeps.swept(now)
    } catch {}
  }
}
