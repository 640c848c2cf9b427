import { type MessageHeader, parseHeader } from '../message/header.js'
import { decodeUtf8Address } from '../smtp/utf8-address.js'
import type { DsnKind } from './dsn.js'
import { addressText, remoteText } from './remote-text.js'

/** What a delivery status notification says. Texts are bounded and hold no control characters. */
export interface ParsedDsn {
  /** The server that reports. */
  readonly reportingMta?: string
  /** ENVID of the message it is about (RFC 3461 §4.4). */
  readonly envid?: string
  /** When the message came to that server, in epoch milliseconds. */
  readonly arrivedAt?: number
  /** `Message-ID` of the message it is about, with its angle brackets. */
  readonly originalMessageId?: string
  /** In their order, 1,000 at most. */
  readonly recipients: readonly ParsedDsnRecipient[]
}

/** What a DSN says of one recipient. */
export interface ParsedDsnRecipient {
  readonly finalRecipient?: TypedAddress
  /** ORCPT of the message (RFC 3461 §4.2). */
  readonly originalRecipient?: TypedAddress
  readonly action: DsnKind
  /** Enhanced status code, `5.1.1` (RFC 3463). */
  readonly status?: string
  /** The server that refused or took it. */
  readonly remoteMta?: string
  /** `smtp` and the reply, mostly. */
  readonly diagnostic?: { readonly type: string; readonly text: string }
  /** Epoch milliseconds. */
  readonly lastAttemptAt?: number
  /** Epoch milliseconds. */
  readonly willRetryUntil?: number
}

/** An address with its type, `rfc822` or `utf-8` mostly (RFC 3464 §2.1.2). Not checked to be one. */
export interface TypedAddress {
  readonly type: string
  readonly address: string
}

const mostRecipients = 1_000

/** Reads a delivery-status part: fields of the message, then of each recipient, with empty lines between them. */
export function readDeliveryStatus(part: Uint8Array): ParsedDsn {
  const groups = groupsOf(part)
  const recipients = groups.flatMap(fields => readRecipient(fields) ?? []).slice(0, mostRecipients)
  const message = groups.find(fields => fields.get('reporting-mta')) ?? groups[0]
  return withoutUndefined({
    reportingMta: message && hostName(message, 'reporting-mta'),
    envid: message && plain(message, 'original-envelope-id'),
    arrivedAt: message && instant(message, 'arrival-date'),
    originalMessageId: message && messageIdIn(plain(message, 'x-original-message-id')),
    recipients,
  })
}

/** The groups of fields between empty lines, in one pass. */
function groupsOf(part: Uint8Array): MessageHeader[] {
  const groups: MessageHeader[] = []
  let start = 0
  for (let line = 0; line < part.length && groups.length <= mostRecipients; ) {
    const feed = part.indexOf(0x0a, line)
    const next = feed < 0 ? part.length : feed + 1
    const isEmpty = feed === line || (feed === line + 1 && part[line] === 0x0d)
    if (isEmpty || next === part.length) {
      const end = isEmpty ? line : next
      if (end > start) groups.push(parseHeader(part.subarray(start, end)))
      start = next
    }
    line = next
  }
  return groups
}

function readRecipient(fields: MessageHeader): ParsedDsnRecipient | undefined {
  const status = /[245]\.\d{1,3}\.\d{1,3}/.exec(plain(fields, 'status') ?? '')?.[0]
  const action = readAction(plain(fields, 'action'), status)
  if (!action || (!fields.get('final-recipient') && !fields.get('original-recipient'))) return undefined
  return withoutUndefined({
    finalRecipient: readAddress(fields, 'final-recipient'),
    originalRecipient: readAddress(fields, 'original-recipient'),
    action,
    status: exactStatus(status, plain(fields, 'diagnostic-code')),
    remoteMta: hostName(fields, 'remote-mta'),
    diagnostic: typed(fields, 'diagnostic-code'),
    lastAttemptAt: instant(fields, 'last-attempt-date'),
    willRetryUntil: instant(fields, 'will-retry-until'),
  })
}

/** The code that a server replied with, where the status says no more than that it failed: Exim's is always X.0.0. */
export function exactStatus(status: string | undefined, said = ''): string | undefined {
  if (status !== undefined && !status.endsWith('.0.0')) return status
  const found = /(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])/.exec(said)?.[0]
  return status === undefined || found?.charAt(0) === status.charAt(0) ? (found ?? status) : status
}

const actions: readonly DsnKind[] = ['failed', 'delayed', 'delivered', 'relayed', 'expanded']

/** The action, or what the status says where a server names another. */
function readAction(text = '', status = ''): DsnKind | undefined {
  const word = /^[a-z]+/.exec(text.toLowerCase())?.[0]
  return actions.find(action => action === word) ?? actionOfClass.get(status.charAt(0))
}

const actionOfClass: ReadonlyMap<string, DsnKind> = new Map([
  ['5', 'failed'],
  ['4', 'delayed'],
  ['2', 'delivered'],
])

function readAddress(fields: MessageHeader, name: string): TypedAddress | undefined {
  const found = typed(fields, name, addressText)
  if (!found) return undefined
  const text = /^<(.+)>$/.exec(found.text)?.[1] ?? found.text
  return { type: found.type, address: found.type === 'utf-8' ? decodeUtf8Address(text) : text }
}

/** The name alone, where a server adds a dot and a comment: `mx.example.test. (192.0.2.1, the server for …)`. */
function hostName(fields: MessageHeader, name: string): string | undefined {
  const text = typed(fields, name)?.text
  return text?.replace(/(?<=[^ ]) ?\(.*$/, '').replace(/(?<=[^.])\.$/, '')
}

/** The first id with angle brackets in a text. */
export function messageIdIn(text = ''): string | undefined {
  return /<[^<>\s]{1,500}>/.exec(text)?.[0]
}

/** `type; text`; without a type, as some servers write, it is `rfc822` for addresses and unknown otherwise. */
function typed(
  fields: MessageHeader,
  name: string,
  bounded = remoteText,
): { type: string; text: string } | undefined {
  const value = plain(fields, name, bounded)
  if (value === undefined) return undefined
  const [, type, text] = /^([\w-]{1,40}) ?; ?(.*)$/.exec(value) ?? []
  if (type === undefined || text === undefined)
    return { type: name.endsWith('recipient') ? 'rfc822' : '', text: value }
  return { type: type.toLowerCase(), text }
}

function plain(fields: MessageHeader, name: string, bounded = remoteText): string | undefined {
  const value = fields.get(name)?.value
  return value === undefined ? undefined : bounded(value) || undefined
}

function instant(fields: MessageHeader, name: string): number | undefined {
  const time = Date.parse(plain(fields, name) ?? '')
  return Number.isNaN(time) ? undefined : time
}

/** An object without the fields that are `undefined`. */
function withoutUndefined<T extends object>(fields: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
}
