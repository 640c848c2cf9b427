/** Gathers short runs of octets, so that few large ones are handed on. What it gives is the receiver's own. */
export class OctetBuffer {
  readonly #octets = new Uint8Array(64 * 1024)
  #length = 0;

  /** Appends octets; gives what is full, if it is. */
  *add(bytes: Uint8Array): Generator<Uint8Array> {
    if (this.#length + bytes.length > this.#octets.length) {
      yield* this.take()
      if (bytes.length >= this.#octets.length) {
        yield new Uint8Array(bytes)
        return
      }
    }
    this.#octets.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** Gives what was gathered. */
  *take(): Generator<Uint8Array> {
    if (this.#length === 0) return
    yield this.#octets.slice(0, this.#length)
    this.#length = 0
  }
}
