import { DataScanner } from './data-scanner.js'
import type { DataSink } from './wire.js'

/** Whom a {@link CommandReader} reads for. */
export interface LineReceiver {
  /** Takes a line, without its end. The next one waits for the promise, if there is one; it never rejects. */
  line(text: string): void | Promise<void>
  /** A line was longer than {@link longestLine}, or ended in LF alone; it is thrown away. */
  badLine(problem: 'too-long' | 'bare-line-feed'): void
  /** There is nothing to work on at the moment: what is to be sent should leave now. */
  flush(): void
  /** The work takes longer: what was answered before must not wait for it. */
  flushSoon(): void
  /** Waits, where there is much to be sent that the client does not read. */
  whenWritable(): Promise<void> | undefined
}

/** Octets of a line, at most: what RFC 4954 §4 demands for AUTH, 24 times what RFC 5321 §4.5.3.1.4 does for a command. */
export const longestLine = 12_288

/** After so many lines of one read others get their turn. */
const linesAtOnce = 100

const lf = 0x0a
const cr = 0x0d
const nothing = Buffer.alloc(0)

/**
 * Cuts what a client sends into lines and data. Works on one piece of input at a time: lines wait for each other, and
 * `done` is called when all of the input is worked off, which is what holds the client back.
 */
export class CommandReader {
  readonly #receiver: LineReceiver
  #input: Buffer = nothing
  #at = 0
  #done: () => void = () => {}
  /** The beginning of a line whose end has not come. */
  #partial: Buffer = nothing
  /** The line under way is too long already; it is skipped. */
  #skipping = false
  #sink: DataSink | undefined
  #scanner = new DataScanner()
  #stopped = false

  constructor(receiver: LineReceiver) {
    this.#receiver = receiver
  }

  /** Works off `input`, then calls `done`. */
  read(input: Buffer, done: () => void): void {
    this.#input = input
    this.#at = 0
    this.#done = done
    this.#work()
  }

  /** Takes what follows the current line as data. */
  receiveData(sink: DataSink): void {
    this.#sink = sink
    this.#scanner = new DataScanner()
  }

  /** Throws away what has not been worked on, and whatever may come. */
  stop(): void {
    this.#stopped = true
    this.#partial = nothing
    const sink = this.#sink
    this.#sink = undefined
    sink?.abort()
  }

  #work(): void {
    for (let lines = 0; this.#at < this.#input.length && !this.#stopped; lines++) {
      const pause = this.#step()
      if (pause) {
        void pause.then(() => this.#work())
        this.#receiver.flushSoon()
        return
      }
      if (lines === linesAtOnce) {
        this.#receiver.flush()
        setImmediate(() => this.#work())
        return
      }
    }
    this.#receiver.flush()
    const drained = this.#stopped ? undefined : this.#receiver.whenWritable()
    this.#input = nothing
    if (drained) void drained.then(this.#done)
    else this.#done()
  }

  /** Takes a line or a piece of data. Returns what has to be waited for. */
  #step(): Promise<void> | undefined {
    return this.#sink ? this.#takeData(this.#sink) : this.#takeLine()
  }

  #takeData(sink: DataSink): Promise<void> | undefined {
    const { data, end } = this.#scanner.scan(this.#input, this.#at)
    this.#at = end ?? this.#input.length
    const behind = data.length > 0 ? sink.write(data) : undefined
    if (end === undefined) return behind || undefined
    const ending = () => {
      // Lost in the meantime: the sink was told.
      if (this.#sink !== sink) return Promise.resolve()
      this.#sink = undefined
      return sink.end(this.#scanner.bareLineBreak)
    }
    return behind ? behind.then(ending) : ending()
  }

  #takeLine(): Promise<void> | undefined {
    const end = this.#input.indexOf(lf, this.#at)
    const start = this.#at
    if (end < 0) {
      this.#at = this.#input.length
      this.#keep(this.#input.subarray(start))
      return undefined
    }
    this.#at = end + 1
    const bytes = this.#partial.length === 0 ? this.#input.subarray(start, end) : this.#joined(start, end)
    const tooLong = this.#skipping || bytes.length > longestLine
    this.#skipping = false
    if (tooLong || bytes[bytes.length - 1] !== cr) {
      this.#receiver.badLine(tooLong ? 'too-long' : 'bare-line-feed')
      return undefined
    }
    return this.#receiver.line(bytes.toString('utf8', 0, bytes.length - 1)) || undefined
  }

  #joined(start: number, end: number): Buffer {
    const bytes = Buffer.concat([this.#partial, this.#input.subarray(start, end)])
    this.#partial = nothing
    return bytes
  }

  #keep(bytes: Buffer): void {
    if (this.#skipping) return
    this.#partial = Buffer.concat([this.#partial, bytes])
    if (this.#partial.length <= longestLine) return
    this.#partial = nothing
    this.#skipping = true
  }
}
