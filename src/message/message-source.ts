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
  readonly bytes?: Uint8Array
}

/** A range of octets. */
export interface ByteRange {
  readonly start?: number
  readonly end?: number
}
