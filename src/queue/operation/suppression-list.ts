/**
 * The contract of a list of addresses that no mail goes to: those that do not exist, complained, or asked not to be
 * written to. An app answers from its own database; `storedSuppressionList()` keeps one in the storage of the queue,
 * `createSuppressionList()` one in memory.
 */
export interface SuppressionList {
  /** Why mail from `sender` does not go to `recipient`, or `undefined`. Both are addresses in wire form. */
  find(recipient: string, sender: string): Promise<Suppression | undefined> | Suppression | undefined
  /** Puts an address on the list, or replaces what is there of it. */
  add(suppression: Suppression): Promise<unknown> | unknown
}

/** An address that no mail goes to. */
export interface Suppression {
  readonly address: string
  /** For people; the sender of mail to it is told. */
  readonly reason: string
  /** Epoch milliseconds. */
  readonly addedAt: number
}
