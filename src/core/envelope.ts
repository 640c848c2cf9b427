/**
 * The envelope of a message (RFC 5321 §2.3.1): what the SMTP commands say, apart from the message itself.
 * Addresses are in wire form, as {@link formatAddress} writes them.
 */
export interface Envelope {
  /** The reverse-path; `''` is the null sender of bounces. */
  readonly sender: string
  /** At least one. */
  readonly recipients: readonly EnvelopeRecipient[]
  /** BODY of MAIL (RFC 6152, 3030). Default: `7bit`. */
  readonly body?: '7bit' | '8bitmime' | 'binarymime'
  /** Whether MAIL carried SMTPUTF8 (RFC 6531). */
  readonly smtputf8?: boolean
  /** Whether MAIL carried REQUIRETLS (RFC 8689). */
  readonly requireTls?: boolean
  /** RET of MAIL (RFC 3461 §4.3): how much of the message a failure DSN returns. */
  readonly ret?: 'full' | 'hdrs'
  /** ENVID of MAIL (RFC 3461 §4.4), decoded from xtext. */
  readonly envid?: string
}

/** One RCPT. */
export interface EnvelopeRecipient {
  readonly address: string
  /** NOTIFY of RCPT (RFC 3461 §4.1). Absent means failure, and delay where the server sends that. */
  readonly notify?: readonly DsnCondition[]
  /** ORCPT of RCPT (RFC 3461 §4.2) as `type;address`, decoded from xtext and the escapes of RFC 6533 §3. */
  readonly originalRecipient?: string
}

/** When a sender wants to hear of a recipient (RFC 3461 §4.1). `never` stands alone. */
export type DsnCondition = 'never' | 'success' | 'failure' | 'delay'
