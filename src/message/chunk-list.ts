import type { ByteRange } from './message-source.js'

/** Chunks shorter than this are joined when many of them come in a row. */
const smallChunk = 1024
const smallRun = 64

/**
 * Bytes as the chunks they arrived in, kept by reference. A writer that trickles a few octets at a time costs
 * little more memory than the octets: runs of small chunks are joined.
 */
export class ChunkList {
  readonly chunks: Uint8Array[] = []
  #size = 0
  #run = 0
  #runSize = 0
  #joined: Uint8Array | undefined

  /** Octets. */
  get size(): number {
    return this.#size
  }

  push(chunk: Uint8Array): void {
    this.chunks.push(chunk)
    this.#size += chunk.length
    if (chunk.length >= smallChunk) this.#endRun()
    else this.#grow(chunk.length)
  }

  /**
   * All bytes in one piece; joined at the first call and kept. A lone chunk that is a small part of a large buffer
   * is copied out of it, so that whoever keeps a short message does not keep the whole read it came with.
   */
  join(): Uint8Array {
    this.#joined ??= this.#joinNow()
    return this.#joined
  }

  #joinNow(): Uint8Array {
    const only = this.chunks[0]
    if (this.chunks.length === 1 && only && only.length * 2 > only.buffer.byteLength) return only
    const joined = Buffer.concat(this.chunks, this.#size)
    this.chunks.splice(0, this.chunks.length, joined)
    return joined
  }

  /** The bytes of a range, chunk by chunk. */
  *range(range: ByteRange = {}): Generator<Uint8Array> {
    const start = range.start ?? 0
    const end = range.end ?? this.#size
    let offset = 0
    // A copy of the list: joining it while it is read must not disturb the reader.
    for (const chunk of this.chunks.slice()) {
      const from = Math.max(start - offset, 0)
      const to = Math.min(end - offset, chunk.length)
      if (from < to) yield from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to)
      offset += chunk.length
    }
  }

  #grow(length: number): void {
    this.#runSize += length
    if (++this.#run < smallRun) return
    this.chunks.push(Buffer.concat(this.chunks.splice(-smallRun), this.#runSize))
    this.#endRun()
  }

  #endRun(): void {
    this.#run = 0
    this.#runSize = 0
  }
}
