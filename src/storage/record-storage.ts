/**
 * Small values by space and key, for what is remembered beside mail and queue: addresses that get no more mail, policies of
 * other domains, counts, what became of recipients. A space is a name of `[a-z-]`, at most 64 characters; a key is any text
 * of at most 600. In a space keys have one order, in which all that begin with the same text lie together; ASCII ascends.
 */
export interface RecordStorage {
  /** One record, or `undefined`. */
  get(space: string, key: string): Promise<StoredRecord | undefined>
  /** Keeps a record with a count of 0, in the place of one with its key. */
  put(record: NewRecord): Promise<void>
  /**
   * Adds a whole number to the count of a record, which is made where there is none; of one that is there value and expiry stay. What is
   * added at once by several processes is added up.
   */
  add(record: NewRecord, count: number): Promise<void>
  /** Records of a space in the order of their keys. */
  list(space: string, query?: RecordQuery): Promise<StoredRecord[]>
  /** Removes records. Resolves to the keys that existed. */
  delete(space: string, keys: readonly string[]): Promise<string[]>
}

/** A record to keep. */
export interface NewRecord {
  readonly space: string
  readonly key: string
  /** Text, as a rule JSON; at most {@link largestRecord} characters. */
  readonly value: string
  /**
   * From then on, in epoch milliseconds, the record may be cleared away, by the instants that calls of the storage carry;
   * until it is, it is given like any other. Default: never.
   */
  readonly expiresAt?: number
}

/** A record that is kept. */
export interface StoredRecord {
  readonly key: string
  readonly value: string
  /** What was added to it. */
  readonly count: number
  readonly expiresAt?: number
}

/** Which records of a space to list. */
export interface RecordQuery {
  /** Keys that begin with this. */
  readonly prefix?: string
  /** Those after this key. */
  readonly after?: string
  /** Default: 1,000. */
  readonly limit?: number
}

/** Characters of a value at most. */
export const largestRecord = 256 * 1024
