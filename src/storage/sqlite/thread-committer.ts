import type { Worker } from 'node:worker_threads'
import { describeError, MailError } from '../../core/error.js'
import type { Command, GroupResult } from './group-commit.js'
import { decodeError, type EncodedError } from './sqlite-error.js'
import { startThread } from './start-thread.js'
import type { Committer } from './writer.js'

/** What the thread is told when it begins. */
export interface ThreadStart {
  readonly path: string
  readonly busyTimeout: number
  readonly origin: string
}

/** What the thread is asked. */
export type ThreadRequest = { readonly group: readonly Command[] } | 'close'

/** What the thread answers: once when the database is open or is not, then to each request. */
export type ThreadAnswer =
  | { readonly opened: true }
  | { readonly failed: EncodedError }
  | { readonly result: GroupResult }
  | { readonly closed: true }

interface Expected {
  readonly resolve: (answer: ThreadAnswer) => void
  readonly reject: (error: MailError) => void
}

/** Commits in a thread of its own, so that waiting for the disk holds up nothing else. */
export class ThreadCommitter implements Committer {
  readonly #worker: Worker
  #expected: Expected | undefined
  #broken: MailError | undefined

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (answer: ThreadAnswer) => this.#settle(expected => expected.resolve(answer)))
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

  async commit(group: readonly Command[]): Promise<GroupResult> {
    const answer = await this.#ask({ group }, buffersOf(group))
    if ('result' in answer) return answer.result
    throw new MailError('STORAGE_FAILED', 'sqliteStorage: the thread answered something else', {
      temporary: true,
    })
  }

  async close(): Promise<void> {
    if (!this.#broken) await this.#ask('close', []).catch(() => undefined)
    await this.#worker.terminate()
  }

  #ask(request: ThreadRequest, buffers: ArrayBuffer[]): Promise<ThreadAnswer> {
    const answer = this.#expect()
    if (!this.#broken) this.#worker.postMessage(request, buffers)
    return answer
  }

  /** The thread keeps the process alive while somebody waits for it, and no longer. */
  #expect(): Promise<ThreadAnswer> {
    if (this.#broken) return Promise.reject(this.#broken)
    this.#worker.ref()
    return new Promise((resolve, reject) => {
      this.#expected = { resolve, reject }
    })
  }

  #settle(settle: (expected: Expected) => void): void {
    const expected = this.#expected
    this.#expected = undefined
    this.#worker.unref()
    if (expected) settle(expected)
  }

  #break(reason: string): void {
    const error = new MailError('STORAGE_FAILED', `sqliteStorage: the thread that writes broke: ${reason}`, {
      temporary: true,
    })
    this.#broken ??= error
    this.#settle(expected => expected.reject(error))
  }
}

/** Octets that are sooner copied to the thread than moved: each buffer that moves costs some microseconds. */
const soonerCopied = 32 * 1024

/** Long messages move to the thread instead of being copied a second time. */
function buffersOf(group: readonly Command[]): ArrayBuffer[] {
  const buffers: ArrayBuffer[] = []
  for (const { args } of group) for (const argument of args) collectBuffers(argument, buffers)
  return buffers
}

function collectBuffers(argument: unknown, buffers: ArrayBuffer[]): void {
  if (argument instanceof Uint8Array) {
    if (argument.buffer instanceof ArrayBuffer && argument.length > soonerCopied)
      buffers.push(argument.buffer)
  } else if (Array.isArray(argument)) for (const item of argument) collectBuffers(item, buffers)
  else if (typeof argument === 'object' && argument !== null && 'message' in argument) {
    const { message } = argument
    if (typeof message === 'object' && message !== null && 'bytes' in message) {
      collectBuffers(message.bytes, buffers)
    }
  }
}
