/** Octets. Beyond them memory is not shared, and what is in it is copied. */
const capacity = 8 * 1024 * 1024

interface Place {
  readonly start: number
  readonly end: number
  isFree: boolean
}

/**
 * Memory that the calling thread and the one that writes both see. The bytes of a message are put into it once, instead of
 * being copied or moved from one thread to the other, and it is used again and again: nothing is left to be collected.
 *
 * It is a ring: places are taken one behind another, and are free again from the oldest on.
 */
export class SharedMemory {
  /** Made when it is first used. */
  #buffer: SharedArrayBuffer | undefined
  /** From the oldest to the latest. */
  readonly #places: Place[] = []

  /** Gives room for so many octets; what is in it is left from before. Where there is none, memory that is not shared. */
  take(size: number): Uint8Array {
    const start = size > 0 ? this.#startOf(size) : undefined
    if (start === undefined) return new Uint8Array(size)
    this.#places.push({ start, end: start + size, isFree: false })
    this.#buffer ??= new SharedArrayBuffer(capacity)
    return new Uint8Array(this.#buffer, start, size)
  }

  #startOf(size: number): number | undefined {
    const oldest = this.#places[0]
    const latest = this.#places.at(-1)
    if (!oldest || !latest) return size <= capacity ? 0 : undefined
    const hasTurned = latest.start < oldest.start
    if (latest.end + size <= (hasTurned ? oldest.start : capacity)) return latest.end
    return !hasTurned && size <= oldest.start ? 0 : undefined
  }

  /** Takes back what was given, when no thread looks at it any more. */
  release(bytes: Uint8Array): void {
    if (bytes.buffer !== this.#buffer) return
    const place = this.#places.find(({ start }) => start === bytes.byteOffset)
    if (place) place.isFree = true
    while (this.#places[0]?.isFree) this.#places.shift()
  }
}

/** What is not shared, for storages without a thread. */
export const ownMemory: Pick<SharedMemory, 'take' | 'release'> = {
  take: size => new Uint8Array(size),
  release: () => {},
}
