import { formatDate } from '../message/date.js'
import { formatField } from '../message/fold.js'
import { describeReply } from '../smtp/reply.js'
import { encodeUtf8Address } from '../smtp/utf8-address.js'
import type { DsnContent, DsnRecipient } from './dsn.js'
import { dsnStatus } from './dsn-status.js'
import { addressText, asciiText, isAscii, remoteText } from './remote-text.js'

/**
 * The machine's part of a DSN: the fields of the message, then those of each recipient, each group after an empty line
 * (RFC 3464 §2.1). UTF-8 with SMTPUTF8 (RFC 6533 §4), ASCII otherwise.
 */
export function formatDeliveryStatus(content: DsnContent): string {
  const groups = [
    messageFields(content),
    ...content.recipients.map(recipient => recipientFields(content, recipient)),
  ]
  return groups.map(fields => fields.map(([name, value]) => formatField(name, value)).join('')).join('\r\n')
}

type Field = readonly [name: string, value: string]

function messageFields({ envid, hostname, arrivedAt, smtputf8 }: DsnContent): Field[] {
  const fields: Field[] = [
    ['Reporting-MTA', mtaName(hostname)],
    ['Arrival-Date', formatDate(arrivedAt)],
  ]
  // Decoded, not as xtext (RFC 3464 §2.2.1).
  if (envid !== undefined) fields.unshift(['Original-Envelope-Id', machineText(envid, smtputf8)])
  return fields
}

function recipientFields(content: DsnContent, told: DsnRecipient): Field[] {
  const { kind, smtputf8 } = content
  const { recipient, attempt, willRetryUntil } = told
  const fields: Field[] = []
  const original = originalRecipient(recipient.originalRecipient)
  if (original) fields.push(['Original-Recipient', typedAddress(original.type, original.address, smtputf8)])
  const type = isAscii(recipient.address) ? 'rfc822' : 'utf-8'
  fields.push(['Final-Recipient', typedAddress(type, recipient.address, smtputf8)])
  fields.push(['Action', kind], ['Status', dsnStatus(kind, told)])
  if (attempt.reply && attempt.host !== undefined) fields.push(['Remote-MTA', mtaName(attempt.host)])
  fields.push(['Diagnostic-Code', diagnosticCode(told, smtputf8)])
  fields.push(['Last-Attempt-Date', formatDate(attempt.endedAt)])
  if (willRetryUntil !== undefined) fields.push(['Will-Retry-Until', formatDate(willRetryUntil)])
  return fields
}

/** ORCPT in its two parts, or `undefined` where it is not made of them. */
export function originalRecipient(orcpt = ''): { type: string; address: string } | undefined {
  const [, type, address] = /^([\w-]{1,40});\s*(.+)$/s.exec(orcpt) ?? []
  return type === undefined || address === undefined ? undefined : { type: type.toLowerCase(), address }
}

/** `smtp` for what a server replied (RFC 3464 §2.3.6); what this side saw has a type of its own. */
function diagnosticCode({ attempt }: DsnRecipient, smtputf8: boolean): string {
  if (attempt.reply) return `smtp; ${machineText(describeReply(attempt.reply), smtputf8)}`
  return `x-posthorn; ${machineText(attempt.reason, smtputf8)}`
}

function mtaName(host: string): string {
  return `dns; ${asciiText(remoteText(host))}`
}

function machineText(text: string, smtputf8: boolean): string {
  const line = remoteText(text)
  return smtputf8 ? line : asciiText(line)
}

/** With SMTPUTF8 an address stands as it is: `utf-8-address`; without, one of the type `utf-8` is `utf-8-addr-xtext` (RFC 6533 §3). */
function typedAddress(type: string, address: string, smtputf8: boolean): string {
  const text = addressText(address)
  if (smtputf8) return `${type}; ${text}`
  return `${type}; ${type === 'utf-8' ? addressText(encodeUtf8Address(text)) : asciiText(text)}`
}
