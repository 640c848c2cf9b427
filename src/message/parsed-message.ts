/** A message as people read it, by mailparser. Never decides whether mail is accepted. */
export interface ParsedMessage {
  readonly subject?: string
  readonly from: readonly MailAddress[]
  readonly to: readonly MailAddress[]
  readonly cc: readonly MailAddress[]
  readonly bcc: readonly MailAddress[]
  readonly replyTo: readonly MailAddress[]
  readonly date?: Date
  readonly messageId?: string
  readonly inReplyTo?: string
  readonly references: readonly string[]
  /** Of the plain text parts. Absent where the message has HTML only: none is made up out of that. */
  readonly text?: string
  /** Of the HTML parts, as it came: never show it without making it harmless. */
  readonly html?: string
  readonly attachments: readonly Attachment[]
  /** Fields in order, names in lower case, values unfolded, still encoded. */
  readonly headers: readonly { readonly name: string; readonly value: string }[]
}

/** A mailbox of a header field. Groups are flattened. */
export interface MailAddress {
  /** Decoded display name, `''` for none. */
  readonly name: string
  readonly address: string
}

/** A part with a file name, or any that is neither the text nor its HTML. */
export interface Attachment {
  readonly filename?: string
  readonly contentType: string
  readonly disposition?: string
  readonly contentId?: string
  /** Decoded. */
  readonly content: Uint8Array
}
