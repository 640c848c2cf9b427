import type { Attachment } from '../../message/parsed-message.js'
import type { TestMessage } from '../messages/test-message.js'

/**
 * What a text must be: a string (what that means stands with each criterion), a pattern, or a function that says so.
 */
export type TextMatch = string | RegExp | ((text: string) => boolean)

/** Which messages are meant. All that is given must hold; `{}` means any message. */
export interface MessageCriteria {
  /** One of the recipients of the envelope, Bcc included. A string is an address, in any case. */
  to?: TextMatch
  /** The sender of the envelope or an author (`From:`). A string is an address, in any case. */
  from?: TextMatch
  /** The envelope alone. */
  envelope?: {
    /** Of MAIL. A string is an address, in any case; `''` is the null sender of bounces. */
    sender?: TextMatch
    /** All of these are among the recipients. */
    recipients?: readonly TextMatch[]
  }
  /** A string is the whole subject. */
  subject?: TextMatch
  /** A string is a part of the plain text. */
  text?: TextMatch
  /** A string is a part of the HTML. */
  html?: TextMatch
  /** Fields by name, in any case. A string is a whole value; `true` wants the field to be there, `false` not to be. */
  headers?: Readonly<Record<string, TextMatch | boolean>>
  /** An attachment. A string or pattern is its file name. */
  attachment?: string | RegExp | ((attachment: Attachment) => boolean)
  /** Whatever else must hold. */
  where?: (message: TestMessage) => boolean
}

/** Criteria, or a function that says whether a message is meant. */
export type MessageMatch = MessageCriteria | ((message: TestMessage) => boolean)
