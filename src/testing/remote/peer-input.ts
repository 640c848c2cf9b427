import { isThenable } from '../../core/is-thenable.js'

/** What {@link PeerInput} hands on. What an action promises is waited for before more is handed on. */
export interface PeerInputActions {
  onCommand(line: string): unknown
  /** A message as it came, dots still doubled, without the final dot. */
  onMessage(message: Buffer): unknown
  onFailure(): void
}

/** What a client says: commands and messages, one after the other, however they are cut into pieces. */
export class PeerInput {
  /** Whether a message is being read instead of commands. */
  inMessage = false
  readonly #actions: PeerInputActions
  #rest: Buffer = Buffer.alloc(0)
  /** Of a message, what came before the rest. */
  #parts: Buffer[] = []
  #busy = false
  /** Gives what is waited for, once it is there. */
  #giveAnswer: () => void = () => {}

  constructor(actions: PeerInputActions) {
    this.#actions = actions
  }

  /** Takes what came. */
  push(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    this.#giveAnswer()
    this.#work()
  }

  /** Forgets what came and was not worked off. */
  clear(): void {
    this.#rest = Buffer.alloc(0)
  }

  /** Does `action` before anything is read. */
  begin(action: () => unknown): void {
    this.#do(action)
    this.#work()
  }

  /** The next line, which then counts as no command. */
  nextLine(): Promise<string> {
    return this.#next(() => this.#takeLine())
  }

  /** The next octets, whatever they are. */
  async octets(count: number): Promise<Buffer> {
    this.inMessage = true
    const parts: Buffer[] = []
    let missing = count
    const chunk = await this.#next(() => {
      const part = this.#rest.subarray(0, missing)
      this.#rest = this.#rest.subarray(part.length)
      missing -= part.length
      parts.push(part)
      return missing === 0 ? Buffer.concat(parts) : undefined
    })
    this.inMessage = false
    return chunk
  }

  /** What `take` gives, as soon as it gives anything. */
  #next<T>(take: () => T | undefined): Promise<T> {
    return new Promise(resolve => {
      this.#giveAnswer = () => {
        const answer = take()
        if (answer === undefined) return
        this.#giveAnswer = () => {}
        resolve(answer)
      }
      this.#giveAnswer()
    })
  }

  #work(): void {
    while (!this.#busy) {
      const action = this.inMessage ? this.#readMessage() : this.#readCommand()
      if (!action) return
      this.#do(action)
    }
  }

  #do(action: () => unknown): void {
    const doing = action()
    if (!isThenable(doing)) return
    this.#busy = true
    const done = () => {
      this.#busy = false
      this.#work()
    }
    doing.then(done, () => this.#actions.onFailure())
  }

  #readCommand(): (() => unknown) | undefined {
    const line = this.#takeLine()
    return line === undefined ? undefined : () => this.#actions.onCommand(line)
  }

  #takeLine(): string | undefined {
    const end = this.#rest.indexOf('\r\n')
    if (end === -1) return undefined
    const line = this.#rest.toString('utf8', 0, end)
    this.#rest = this.#rest.subarray(end + 2)
    return line
  }

  #readMessage(): (() => unknown) | undefined {
    const lone = this.#parts.length === 0 && this.#rest.subarray(0, 3).toString() === '.\r\n'
    const end = lone ? -2 : this.#rest.indexOf('\r\n.\r\n')
    if (end === -1) {
      // All but what may be the beginning of the end is put aside.
      const kept = Math.max(this.#rest.length - 4, 0)
      if (kept > 0) this.#parts.push(this.#rest.subarray(0, kept))
      this.#rest = this.#rest.subarray(kept)
      return undefined
    }
    const message = Buffer.concat([...this.#parts, this.#rest.subarray(0, end + 2)])
    this.#parts = []
    this.#rest = this.#rest.subarray(end + 5)
    this.inMessage = false
    return () => this.#actions.onMessage(message)
  }
}
