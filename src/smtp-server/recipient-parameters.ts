import type { DsnCondition, EnvelopeRecipient } from '../core/envelope.js'
import { decodeUtf8Address } from '../smtp/utf8-address.js'
import { decodeXtext } from '../smtp/xtext.js'
import type { Refused } from './mail-parameters.js'
import { serverReplies } from './replies.js'
import type { Session } from './session.js'

/** What the parameters of RCPT say (RFC 3461 §4.1, §4.2). */
export type RecipientParameters = Omit<EnvelopeRecipient, 'address'>

const conditions: ReadonlySet<string> = new Set<DsnCondition>(['never', 'success', 'failure', 'delay'])

/** RFC 3461 §4.2 allows 500 characters. */
const longestOriginal = 500

/** Reads the parameters of RCPT. */
export function readRecipientParameters(
  session: Session,
  parameters: ReadonlyMap<string, string | undefined>,
): RecipientParameters | Refused {
  if (parameters.size === 0) return {}
  const read: { notify?: readonly DsnCondition[]; originalRecipient?: string } = {}
  for (const [name, value = ''] of parameters) {
    const known = session.extended && (name === 'NOTIFY' || name === 'ORCPT')
    if (!known) return { refused: serverReplies.unknownParameter }
    const fits = name === 'NOTIFY' ? parseNotify(value) : parseOriginal(value)
    if (fits === undefined) return { refused: serverReplies.badSyntax }
    if (typeof fits === 'string') read.originalRecipient = fits
    else read.notify = fits
  }
  return read
}

function parseNotify(value: string): readonly DsnCondition[] | undefined {
  const words = value.toLowerCase().split(',')
  if (!words.every(isCondition)) return undefined
  const asked = new Set(words)
  return asked.has('never') && asked.size > 1 ? undefined : [...asked]
}

function isCondition(word: string): word is DsnCondition {
  return conditions.has(word)
}

function parseOriginal(value: string): string | undefined {
  const match = /^([a-z0-9][a-z0-9-]*);(.+)$/i.exec(value)
  const [, type = '', encoded = ''] = match ?? []
  if (!match || value.length > longestOriginal) return undefined
  // RFC 6533 §3: an address of the type utf-8 may stand as it is, and has escapes of its own.
  const isUtf8 = type.toLowerCase() === 'utf-8' && /^[^\u0000- \u007f-\u009f\ufffd]+$/.test(encoded)
  const original = isUtf8 ? decodeUtf8Address(encoded) : decodeXtext(encoded)
  return original ? `${type};${original}` : undefined
}
