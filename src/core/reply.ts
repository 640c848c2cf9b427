/**
 * A reply of an SMTP or LMTP server (RFC 5321 §4.2), as data. `smtp/reply.ts` writes and reads
 * its wire form.
 */
export interface Reply {
  /** Three digits, 200 to 599. */
  readonly code: number
  /** Enhanced status code, `class.subject.detail` (RFC 3463), such as `5.1.1`; absent where a reply has none. */
  readonly enhanced?: string
  /** The text for people, one entry a line, without code and enhanced code. */
  readonly text: string | readonly string[]
}
