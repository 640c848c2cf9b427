import { MailError } from '../core/error.js'

/** How far an import or export is: what was brought over so far. */
export interface TransferProgress {
  /** The mailbox of the store that the last message went to or came from. */
  readonly mailbox: string
  readonly messages: number
  /** Octets of these messages, as the store keeps them. */
  readonly bytes: number
}

/**
 * Something that could not be brought over, or not whole. It concerns what it names and nothing else: the rest of the
 * import or export goes on.
 */
export interface TransferProblem {
  /** What is wrong and where, for people: `old.mbox, line 812: …`. */
  readonly message: string
  /** The mailbox of the store. */
  readonly mailbox: string
  /** The file or folder, where there is one. */
  readonly file?: string
  /** Line of the file, from 1 on. */
  readonly line?: number
  /** Offset in the file, in octets. */
  readonly offset?: number
  /** UID of the message in the mailbox of the store, where it has one. */
  readonly uid?: number
}

/** What an import or export brought over. */
export interface TransferReport {
  readonly messages: number
  /** Octets of these messages, as the store keeps them. */
  readonly bytes: number
  /** Mailboxes of the store, empty ones included, in the order they were worked on. */
  readonly mailboxes: readonly string[]
  /** The first 1,000 problems. */
  readonly problems: readonly TransferProblem[]
  /** How many problems there were. */
  readonly problemCount: number
}

/** Who wants to hear of a transfer, and who may end it. */
export interface TransferListeners {
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined
  readonly onProblem?: ((problem: TransferProblem) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

const mostProblems = 1_000

/** Counts what a transfer brings over, and tells of it. */
export class TransferLog {
  readonly #listeners: TransferListeners
  readonly #mailboxes = new Set<string>()
  readonly #problems: TransferProblem[] = []
  #messages = 0
  #bytes = 0
  #problemCount = 0

  constructor(listeners: TransferListeners) {
    this.#listeners = listeners
  }

  /** Messages brought over so far. */
  get messages(): number {
    return this.#messages
  }

  /** @throws MailError `ABORTED`. */
  throwIfAborted(): void {
    if (!this.#listeners.signal?.aborted) return
    throw new MailError('ABORTED', `the transfer was aborted after ${this.#messages} messages`, {
      cause: this.#listeners.signal.reason,
    })
  }

  mailbox(name: string): void {
    this.#mailboxes.add(name)
  }

  message(mailbox: string, size: number): void {
    this.#messages++
    this.#bytes += size
    this.#listeners.onProgress?.({ mailbox, messages: this.#messages, bytes: this.#bytes })
  }

  problem(problem: TransferProblem): void {
    this.#problemCount++
    if (this.#problems.length < mostProblems) this.#problems.push(problem)
    this.#listeners.onProblem?.(problem)
  }

  report(): TransferReport {
    return {
      messages: this.#messages,
      bytes: this.#bytes,
      mailboxes: [...this.#mailboxes],
      problems: this.#problems,
      problemCount: this.#problemCount,
    }
  }
}
