import type { LinePiece } from '../line-splitter.js'

const quote = 0x3e
const from = Buffer.from('From ')

/** `rd` doubles quotes and is reversible; `o` quotes unquoted lines only. */
export type Quoting = 'mboxrd' | 'mboxo'

/**
 * Adds a `>` to lines of `>*From ` (mboxrd), or takes one away. A line may begin with any number of `>`, which are
 * passed on as they come: at most six octets are held back until what follows them decides.
 */
export class FromQuoting {
  readonly #change: 'add' | 'remove'
  readonly #quoting: Quoting
  /** Whether nothing but `>` came yet in this line. */
  #atQuotes = false
  /** Whether octets of this line were passed on already. */
  #passedOn = false
  #held: Uint8Array = new Uint8Array()

  constructor(change: 'add' | 'remove', quoting: Quoting = 'mboxrd') {
    this.#change = change
    this.#quoting = quoting
  }

  /** What to put in place of a piece of a line. The pieces of a line come in their order. */
  convert({ bytes: piece, startsLine, endsLine }: LinePiece): Uint8Array {
    if (startsLine) {
      this.#atQuotes = true
      this.#passedOn = false
    }
    if (!this.#atQuotes) return piece
    const bytes = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece])
    this.#held = new Uint8Array()
    const quotes = countQuotes(bytes)
    if (!endsLine && bytes.length - quotes < from.length) return this.#hold(bytes, Math.max(quotes - 1, 0))
    this.#atQuotes = false
    return isFrom(bytes, quotes) ? this.#requote(bytes, quotes) : bytes
  }

  /** What was held back when the message ended. */
  end(): Uint8Array {
    const held = this.#held
    this.#held = new Uint8Array()
    this.#atQuotes = false
    const quotes = countQuotes(held)
    return isFrom(held, quotes) ? this.#requote(held, quotes) : held
  }

  #hold(bytes: Uint8Array, from: number): Uint8Array {
    this.#held = new Uint8Array(bytes.subarray(from))
    this.#passedOn ||= from > 0
    return bytes.subarray(0, from)
  }

  #requote(bytes: Uint8Array, quotes: number): Uint8Array {
    if (this.#change === 'add') return Buffer.concat([Uint8Array.of(quote), bytes])
    const isQuoted = this.#quoting === 'mboxrd' ? quotes > 0 : quotes === 1 && !this.#passedOn
    return isQuoted ? bytes.subarray(1) : bytes
  }
}

function countQuotes(bytes: Uint8Array): number {
  let quotes = 0
  while (bytes[quotes] === quote) quotes++
  return quotes
}

function isFrom(bytes: Uint8Array, at: number): boolean {
  return from.every((octet, index) => bytes[at + index] === octet)
}
