import { z } from 'zod'
import { MailError } from '../core/error.js'
import { lazy, parseOptions } from '../core/options.js'
import type { MessageSource } from '../message/message-source.js'
import type { OutgoingMessage } from './outgoing-message.js'

/** Fields that have an option of their own, or that only the composer may write. */
const reserved =
  /^(?:from|sender|to|cc|bcc|reply-to|subject|in-reply-to|references|return-path|mime-version|content-.*)$/i
/** RFC 5322 §2.1.1: a line has 998 characters at most, and folding needs a blank to fold at. */
const unfoldable = /\S{900}/

/** Text that becomes part of a header: whatever could end its line is refused, not cleaned up. */
const line = lazy(() =>
  z
    .string()
    .refine(text => !/[\u0000-\u0008\u000a-\u001f\u007f\u2028\u2029]/.test(text), {
      error: 'expected text without line breaks and control characters',
    })
    .refine(text => !unfoldable.test(text), { error: 'expected no word longer than 900 characters' }),
)

const addresses = lazy(() => z.union([line(), z.array(line())]))

const condition = lazy(() => z.enum(['never', 'success', 'failure', 'delay']))

const recipient = lazy(() =>
  z.union([
    z.string(),
    z.strictObject({
      address: z.string(),
      notify: z
        .array(condition())
        .min(1)
        .refine(notify => notify.length === 1 || !notify.includes('never'), {
          error: "expected 'never' to stand alone (RFC 3461 §4.1)",
        })
        .optional(),
      originalRecipient: line()
        .refine(text => /^[\w-]+;./.test(text), { error: "expected 'rfc822;alice@example.test' or the like" })
        .optional(),
    }),
  ]),
)

const envelope = lazy(() =>
  z.strictObject({
    sender: z.string(),
    recipients: z.array(recipient()).min(1, { error: 'expected at least one recipient' }),
    requireTls: z.boolean().optional(),
    ret: z.enum(['full', 'hdrs']).optional(),
    envid: line().max(100, { error: 'expected 100 characters at most (RFC 3461 §4.4)' }).optional(),
  }),
)

const headerName = lazy(() =>
  line()
    .refine(name => /^[!-9;-~]+$/.test(name), {
      error: 'expected the name of a header field (RFC 5322 §3.6.8)',
    })
    .refine(name => !reserved.test(name), { error: 'expected a field that has no option of its own' }),
)

const attachment = lazy(() =>
  z.strictObject({
    filename: line().optional(),
    content: z.union([z.string(), z.instanceof(Uint8Array)]),
    contentType: line()
      .regex(/^(?!multipart\/)[\w.+-]+\/[\w.+-]+\s*(?:;.*)?$/i, {
        error: "expected a media type such as 'image/png'",
      })
      .optional(),
    contentId: line()
      .regex(/^[^<>\s]+$/, { error: 'expected an id without brackets and blanks' })
      .optional(),
  }),
)

const composed = lazy(() => ({
  from: line().optional(),
  to: addresses().optional(),
  cc: addresses().optional(),
  bcc: addresses().optional(),
  replyTo: line().optional(),
  subject: line().optional(),
  text: z.string().optional(),
  html: z.string().optional(),
  inReplyTo: line().optional(),
  references: z.array(line()).optional(),
  headers: z.record(headerName(), line()).optional(),
  attachments: z.array(attachment()).optional(),
}))

const raw = lazy(() =>
  z.custom<MessageSource | Uint8Array | string>(isRaw, {
    error: 'expected bytes, text or a message source',
  }),
)

const composedSchema = lazy(() => z.strictObject({ ...composed(), envelope: envelope().optional() }))
const rawSchema = lazy(() => z.strictObject({ raw: raw(), envelope: envelope() }))

function isRaw(value: unknown): boolean {
  if (typeof value === 'string' || value instanceof Uint8Array) return true
  const source = value as Partial<MessageSource> | null | undefined
  return typeof source?.open === 'function' && typeof source.size === 'number'
}

/** A message that came through the check. */
export type CheckedMessage =
  | z.output<ReturnType<typeof composedSchema>>
  | z.output<ReturnType<typeof rawSchema>>

/**
 * Checks the shape of a message of the app; its addresses are read later.
 * @throws MailError `MESSAGE_INVALID` naming each option that is wrong.
 */
export function checkMessage(message: OutgoingMessage): CheckedMessage {
  const schema = typeof message === 'object' && message?.raw !== undefined ? rawSchema() : composedSchema()
  try {
    return parseOptions<CheckedMessage>('send', schema, message)
  } catch (thrown) {
    throw thrown instanceof MailError ? new MailError('MESSAGE_INVALID', thrown.message) : thrown
  }
}
