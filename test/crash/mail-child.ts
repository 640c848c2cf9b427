import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { MailProcessReport, MailProcessStart } from './host.js'

/** A mail process, loaded and waiting to be told to begin. */
export class MailChild {
  readonly #process: ChildProcess
  readonly #listeners: ((report: MailProcessReport) => void)[] = []
  readonly #closed: Promise<void>
  /** Resolves when it is loaded. */
  readonly ready: Promise<unknown>

  /** @param file - the program, compiled. */
  constructor(file: string) {
    this.#process = fork(file, [], { execArgv: [] })
    this.#process.on('message', (report: MailProcessReport) => {
      for (const listener of this.#listeners) listener(report)
    })
    // Comes after the last report.
    this.#closed = once(this.#process, 'close').then(([code, signal]) => {
      if (signal !== 'SIGKILL') throw new Error(`the mail process ended by itself, with ${code ?? signal}`)
    })
    // Whoever waits for it hears of that.
    this.#closed.catch(() => {})
    this.ready = this.#until(report => 'ready' in report)
  }

  onReport(listener: (report: MailProcessReport) => void): void {
    this.#listeners.push(listener)
  }

  /** Begins. Resolves to the port, or to nothing when the process died before it had one. */
  async begin(start: MailProcessStart): Promise<number | undefined> {
    await this.ready
    const listening = this.#until(report => 'port' in report)
    this.#process.send(start)
    const report = await Promise.race([listening, this.#closed])
    return typeof report === 'object' && report !== null && 'port' in report ? Number(report.port) : undefined
  }

  /** Lets it deliver what is queued. */
  async drain(): Promise<void> {
    const drained = this.#until(report => 'drained' in report)
    this.#process.send('drain')
    await Promise.race([drained, this.#closed])
  }

  /** Whether it died within so many milliseconds. */
  async diesWithin(milliseconds: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<boolean>(resolve => {
      timer = setTimeout(resolve, milliseconds, false)
    })
    const died = await Promise.race([this.#closed.then(() => true), late])
    clearTimeout(timer)
    return died
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#closed
  }

  #until(wanted: (report: MailProcessReport) => boolean): Promise<MailProcessReport> {
    return new Promise(resolve => {
      this.onReport(report => wanted(report) && resolve(report))
    })
  }
}
