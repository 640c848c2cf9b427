import type { Worker } from 'node:worker_threads'
import { describeError, MailError } from '../../core/error.js'
import type { GroupResult } from './group-commit.js'
import { decodeError, type EncodedError } from './sqlite-error.js'
import { startThread } from './start-thread.js'
import type { CommandGroup, Committer } from './writer.js'

/** What the thread is told when it begins. */
export interface ThreadStart {
  readonly path: string
  readonly busyTimeout: number
}

/** What the thread is asked. */
export type ThreadRequest = CommandGroup | 'close'

/** What the thread answers: once when the database is open or is not, then once for each transaction. */
export type ThreadAnswer =
  | { readonly opened: true }
  | { readonly failed: EncodedError }
  /** Of the requests that shared a transaction, in their order. */
  | { readonly results: readonly GroupResult[] }
  | { readonly closed: true }

type SingleAnswer = Exclude<ThreadAnswer, { results: unknown }> | GroupResult

interface Expected {
  readonly resolve: (answer: SingleAnswer) => void
  readonly reject: (error: MailError) => void
}

/** Commits in a thread of its own, so that waiting for the disk holds up nothing else. */
export class ThreadCommitter implements Committer {
  readonly #worker: Worker
  /** Who waits for an answer, in the order of the requests. */
  readonly #expected: Expected[] = []
  #broken: MailError | undefined
  commits = 0

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (answer: ThreadAnswer) => this.#take(answer))
    worker.on('error', thrown => this.#break(describeError(thrown)))
    worker.on('exit', code => this.#break(`it ended with code ${code}`))
  }

  /** Starts the thread; resolves once the database is open. */
  static async start(start: ThreadStart): Promise<ThreadCommitter> {
    const committer = new ThreadCommitter(startThread('writer-thread', start))
    const answer = await committer.#expect()
    if ('failed' in answer) throw decodeError(answer.failed)
    return committer
  }

  /** Whether the thread has ended by itself; it is of no use then. */
  get isBroken(): boolean {
    return this.#broken !== undefined
  }

  async commit(group: CommandGroup): Promise<GroupResult> {
    const answer = await this.#ask(group)
    if ('outcomes' in answer) return answer
    throw new MailError('STORAGE_FAILED', 'sqliteStorage: the thread answered something else', {
      temporary: true,
    })
  }

  async close(): Promise<void> {
    if (!this.#broken) await this.#ask('close').catch(() => undefined)
    await this.#worker.terminate()
  }

  #ask(request: ThreadRequest): Promise<SingleAnswer> {
    // What cannot be sent throws, and must not wait for an answer that is another's.
    if (!this.#broken) this.#worker.postMessage(request)
    return this.#expect()
  }

  /** The thread keeps the process alive while somebody waits for it, and no longer. */
  #expect(): Promise<SingleAnswer> {
    if (this.#broken) return Promise.reject(this.#broken)
    if (this.#expected.length === 0) this.#worker.ref()
    return new Promise((resolve, reject) => {
      this.#expected.push({ resolve, reject })
    })
  }

  #take(answer: ThreadAnswer): void {
    if (!('results' in answer)) this.#expected.shift()?.resolve(answer)
    else {
      this.commits++
      for (const result of answer.results) this.#expected.shift()?.resolve(result)
    }
    if (this.#expected.length === 0) this.#worker.unref()
  }

  #break(reason: string): void {
    const error = new MailError('STORAGE_FAILED', `sqliteStorage: the thread that writes broke: ${reason}`, {
      temporary: true,
    })
    this.#broken ??= error
    this.#worker.unref()
    for (const { reject } of this.#expected.splice(0)) reject(error)
  }
}
