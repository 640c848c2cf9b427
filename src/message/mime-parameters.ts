/** A value with parameters, as `Content-Type` and `Content-Disposition` have (RFC 2045 §5.1, RFC 2183). */
export interface ParameterizedValue {
  /** Lower case, such as `text/plain` or `attachment`; `''` when there is none. */
  readonly value: string
  /**
   * Names in lower case, values without quotes; the first of two with one name counts. Continuations and charsets of
   * RFC 2231 stay as they are written: `filename*0*`.
   */
  readonly parameters: ReadonlyMap<string, string>
}

/** How many parameters are read. */
const parameterLimit = 100

/** Reads a value with parameters out of an unfolded field value. Comments are dropped. Never fails. */
export function parseParameterized(field: string): ParameterizedValue {
  const scan = new Scan(field)
  const value = scan.until(';').toLowerCase()
  const parameters = new Map<string, string>()
  while (!scan.done && parameters.size < parameterLimit) {
    const name = scan.until('=;').toLowerCase()
    const content = scan.stoppedAt === '=' ? scan.until(';') : ''
    if (name !== '' && !parameters.has(name)) parameters.set(name, content)
  }
  return { value, parameters }
}

/** Reads along a field, each character once. */
class Scan {
  readonly #text: string
  #at = 0
  /** The character the last {@link Scan.until} ended before; `''` at the end. */
  stoppedAt = ''

  constructor(text: string) {
    this.#text = text
  }

  get done(): boolean {
    return this.#at >= this.#text.length
  }

  /** The text up to one of `stops`, which is passed over: blanks at its ends, quotes and comments taken away. */
  until(stops: string): string {
    let plain = ''
    let quoted: string | undefined
    this.stoppedAt = ''
    while (!this.done) {
      const char = this.#text[this.#at++] ?? ''
      if (char === '"') quoted = (quoted ?? '') + this.#quoted()
      else if (char === '(') this.#skipComment()
      else if (stops.includes(char)) {
        this.stoppedAt = char
        break
      } else plain += char
    }
    return quoted ?? plain.trim()
  }

  #quoted(): string {
    let text = ''
    while (!this.done) {
      const char = this.#text[this.#at++] ?? ''
      if (char === '"') break
      text += char === '\\' ? (this.#text[this.#at++] ?? '') : char
    }
    return text
  }

  #skipComment(): void {
    for (let depth = 1; depth > 0 && !this.done; this.#at++) {
      const char = this.#text[this.#at]
      if (char === '(') depth++
      else if (char === ')') depth--
      else if (char === '\\') this.#at++
    }
  }
}
