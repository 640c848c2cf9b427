import type { Envelope, EnvelopeRecipient } from '../../core/envelope.js'
import { encodeUtf8Address } from '../../smtp/utf8-address.js'
import { encodeXtext } from '../../smtp/xtext.js'
import type { Extensions } from './extensions.js'

/** What MAIL is made of. */
export interface MailCommand {
  readonly envelope: Omit<Envelope, 'recipients'>
  /** Octets. */
  readonly size: number
  /** Whether the transaction needs SMTPUTF8. */
  readonly smtputf8: boolean
}

/** MAIL with the parameters that the server knows (RFC 1870, 6152, 6531, 3461, 8689). */
export function mailCommand({ envelope, size, smtputf8 }: MailCommand, extensions: Extensions): string {
  let command = `MAIL FROM:<${envelope.sender}>`
  if (extensions.has('SIZE')) command += ` SIZE=${size}`
  if (envelope.body === '8bitmime' && extensions.has('8BITMIME')) command += ' BODY=8BITMIME'
  if (smtputf8) command += ' SMTPUTF8'
  if (envelope.requireTls && extensions.has('REQUIRETLS')) command += ' REQUIRETLS'
  if (!extensions.has('DSN')) return command
  if (envelope.ret) command += ` RET=${envelope.ret.toUpperCase()}`
  if (envelope.envid !== undefined) command += ` ENVID=${encodeXtext(envelope.envid)}`
  return command
}

/** RCPT, with what the sender wants to hear of the recipient where the server knows DSN (RFC 3461 §4). */
export function rcptCommand(recipient: EnvelopeRecipient, extensions: Extensions): string {
  const command = `RCPT TO:<${recipient.address}>`
  if (!extensions.has('DSN')) return command
  const notify = recipient.notify?.length ? ` NOTIFY=${recipient.notify.join(',').toUpperCase()}` : ''
  return `${command}${notify}${originalRecipient(recipient.originalRecipient)}`
}

/** ORCPT: `type;xtext`, and the escapes of RFC 6533 §3 for a `utf-8` address. */
function originalRecipient(original: string | undefined): string {
  const [, type, address] = /^([A-Za-z0-9-]{1,40});(.+)$/s.exec(original ?? '') ?? []
  if (type === undefined || address === undefined) return ''
  const encoded = type.toLowerCase() === 'utf-8' ? encodeUtf8Address(address) : encodeXtext(address)
  return ` ORCPT=${type};${encoded}`
}
