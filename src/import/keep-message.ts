import { describeError, MailError } from '../core/error.js'
import type { SpooledMessage } from '../message/message-spool.js'
import { normalizeFlags } from '../store/flags.js'
import type { MailStore } from '../store/mail-store.js'
import type { TransferLog, TransferProblem } from './transfer.js'

/** A message of a file, ready for the store. */
export interface FoundMessage {
  readonly message: SpooledMessage
  /** As the file tells them; those that are no flags are left out and reported. */
  readonly flags: readonly string[]
  readonly internalDate: number
  /** Where it is in the file, for people. */
  readonly where: string
  /** The same for programs. */
  readonly place: Omit<TransferProblem, 'message' | 'mailbox'>
}

/** Where messages go. */
export interface ImportTarget {
  readonly store: MailStore
  readonly account: string
  readonly mailbox: string
  readonly log: TransferLog
}

/**
 * Stores a message and lets go of its spool. What the store throws ends the import, with the place in the file, as it is
 * no matter of the message: storage is full, or closed.
 */
export async function keepMessage(target: ImportTarget, found: FoundMessage): Promise<void> {
  const { store, account, mailbox, log } = target
  const { message, internalDate } = found
  const flags = validFlags(target, found)
  try {
    await store.append(account, message, { mailbox, flags, internalDate })
  } catch (thrown) {
    throw atPlace(found.where, thrown)
  } finally {
    await message.dispose()
  }
  log.message(mailbox, message.size)
}

function validFlags({ mailbox, log }: ImportTarget, { flags, where, place }: FoundMessage): string[] {
  const valid: string[] = []
  for (const flag of flags) {
    try {
      valid.push(...normalizeFlags([flag]))
    } catch {
      const shown = JSON.stringify(flag.slice(0, 80))
      log.problem({ ...place, mailbox, message: `${where}: ${shown} can be no flag and is left out` })
    }
  }
  return [...new Set(valid)]
}

function atPlace(where: string, thrown: unknown): MailError {
  const error = thrown instanceof MailError ? thrown : undefined
  return new MailError(
    error?.code ?? 'STORAGE_FAILED',
    `${where}: cannot store the message: ${describeError(thrown)}`,
    {
      temporary: error?.temporary ?? true,
      ...(error?.reply && { reply: error.reply }),
      cause: thrown,
    },
  )
}
