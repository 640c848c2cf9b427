const blockSize = 64 * 1024

/** Gathers short runs of octets, so that few large blocks are handed on. What it gives is the receiver's own. */
export class OctetBuffer {
  #block = new Uint8Array(blockSize)
  #length = 0
  #full: Uint8Array[] = []

  /** Appends octets, which may be used again afterwards. */
  add(bytes: Uint8Array): void {
    if (this.#length + bytes.length > blockSize) this.#startBlock(bytes.length)
    this.#block.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** The blocks that are full. */
  takeFull(): Uint8Array[] {
    const full = this.#full
    this.#full = []
    return full
  }

  /** All that was gathered. */
  takeAll(): Uint8Array[] {
    this.#startBlock(0)
    return this.takeFull()
  }

  #startBlock(least: number): void {
    if (this.#length > 0) this.#full.push(this.#block.subarray(0, this.#length))
    if (this.#length > 0 || least > this.#block.length)
      this.#block = new Uint8Array(Math.max(blockSize, least))
    this.#length = 0
  }
}
