import type { Address } from '../core/address.js'

/**
 * Return addresses (RFC 5321 reverse-paths) that carry the sender, mostly the recipient too, and a keyed signature: a
 * bounce says by the address it comes to what it is about, and nobody else can write such an address. Made by
 * `createVerp`.
 */
export interface Verp {
  /** Whether each recipient has a return address of its own. */
  readonly perRecipient: boolean
  /**
   * The return address for mail from `sender` to `recipient`, both in wire form. The recipient is left out where the
   * local part would get longer than 64 octets (RFC 5321 §4.5.3.1.1), and the sender is as it was where that does not
   * help, or where it is the null sender. `queuedAt` is when the message was queued, in epoch milliseconds.
   */
  encode(sender: string, recipient: string, queuedAt: number): string
  /** What an address says, when it is signed and its lifetime is not over; `undefined` for any other. */
  decode(address: Address, now: number): SignedReturn | undefined
}

/** What a signed return address says. In wire form; letters may have lost their case on the way. */
export interface SignedReturn {
  readonly sender: string
  /** The recipient that mail went to, where the address names it. */
  readonly recipient?: string
}

/**
 * The Sender Rewriting Scheme: forwarded mail leaves with a sender of our own domain, which the next server's SPF check
 * passes, and bounces to that sender find the way back. Made by `createSrs`.
 */
export interface Srs {
  /** A-labels. */
  readonly domain: string
  /**
   * The sender that a forwarded message leaves with: `SRS0` for an address as it is, `SRS1` for one that another
   * forwarder rewrote before. Left as it is: the null sender, one of our domain, one that would get too long.
   */
  forward(sender: string, queuedAt: number): string
  /** The sender that a rewritten address stands for, in wire form; `undefined` for one that we did not write, or long ago. */
  reverse(address: Address, now: number): string | undefined
}
