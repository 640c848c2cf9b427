import { expect } from 'vitest'
import { sqliteStorage } from '../../src/storage/sqlite/sqlite-storage.js'
import { sendLetters } from './clients.js'
import type { WritePoint } from './dying-database.js'
import { inspectDatabase } from './inspect-database.js'
import { Ledger } from './ledger.js'
import type { MailChild } from './mail-child.js'
import { randomLetter } from './random-letter.js'
import type { Sink } from './sink.js'
import type { WritePoints } from './write-points.js'

const connections = 8
/** By which the clock is ahead of that of the crash before. */
const overAnHour = 3_700_000

/** One way to die: at a point, or at any moment; then with a thread that writes, which has no points, or without. */
export interface Death {
  readonly point?: WritePoint
  readonly thread: boolean
  /** Milliseconds to wait for it, from when the process listens or, `early`, from its beginning. */
  readonly patience: number
  readonly early: boolean
}

/** A database from its beginning on, and what was promised by the hosts that had it and were killed. */
export class Life {
  readonly #path: string
  readonly #sink: Sink
  readonly #random: () => number
  readonly #points: WritePoints
  readonly #ledger: Ledger
  #starts = 0

  constructor(path: string, sink: Sink, random: () => number, points: WritePoints) {
    this.#path = path
    this.#sink = sink
    this.#random = random
    this.#points = points
    this.#ledger = new Ledger(sink)
  }

  get counts(): Ledger['counts'] {
    return this.#ledger.counts
  }

  /** Lets a process take mail until it dies. Resolves to whether it died by itself. */
  async crash(child: MailChild, death: Death): Promise<boolean> {
    await child.ready
    const port = this.#begin(child, death)
    const dies = death.early
      ? child.diesWithin(death.patience)
      : port.then(() => child.diesWithin(death.patience))
    const clients = port.then(found => this.#sendTo(found))
    const died = await dies
    await child.kill()
    await clients
    return died
  }

  /** Lets whatever is queued arrive. */
  async drain(child: MailChild): Promise<void> {
    await this.#begin(child, { thread: true })
    await child.drain()
    await child.kill()
    const storage = this.#open()
    expect(await storage.queue.counts()).toEqual({ waiting: 0, leased: 0, held: 0, dead: 0 })
    await storage.close()
  }

  /** Throws when a promise is broken, or the database is not whole. */
  async examine(): Promise<void> {
    const storage = this.#open()
    try {
      await this.#ledger.verify(storage)
      expect(await storage.check()).toEqual([])
    } finally {
      await storage.close()
    }
    expect(await inspectDatabase(this.#path)).toEqual([])
  }

  #open() {
    return sqliteStorage({ path: this.#path, thread: false })
  }

  #begin(child: MailChild, { thread, point }: Pick<Death, 'thread' | 'point'>): Promise<number | undefined> {
    child.onReport(report => {
      if ('statement' in report && !thread) this.#points.discover(report)
      if ('removing' in report) this.#ledger.removing(report.removing)
      if ('seen' in report) this.#ledger.seen(report.seen.mailbox, report.seen.uid, report.seen.name)
    })
    const ahead = this.#starts++ * overAnHour
    return child.begin({
      path: this.#path,
      sinkPort: this.#sink.port,
      ahead,
      thread,
      ...(point && { point }),
    })
  }

  async #sendTo(port: number | undefined): Promise<void> {
    if (port === undefined) return
    let sent = 0
    const next = () => randomLetter(`${port}-${this.#starts}-${++sent}`, this.#random)
    const clients = Array.from({ length: connections }, () => sendLetters(port, next, this.#ledger))
    await Promise.all(clients)
  }
}
