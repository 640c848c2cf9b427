/**
 * The bytes of a message: immutable, re-openable, exactly as received. Line breaks are CRLF where a client
 * followed RFC 5321; nothing here changes them.
 */
export interface MessageSource {
  /** Octets. */
  readonly size: number
  /**
   * Reads the bytes from `start` (inclusive, default 0) to `end` (exclusive, default `size`), in chunks that
   * the reader must not change. May be called any number of times, also at once.
   */
  open(range?: ByteRange): AsyncIterable<Uint8Array>
  /** The bytes where they are held in memory as one piece; `undefined` where they are not. */
  readonly bytes?: Uint8Array | undefined
  /**
   * The bytes where they are held in memory, in one piece or in several, one after another; `undefined` where they are
   * not. Whoever keeps a message may keep these as they are.
   */
  readonly pieces?: readonly Uint8Array[] | undefined
}

/** A range of octets. */
export interface ByteRange {
  readonly start?: number
  readonly end?: number
}
