import { describeError, MailError } from '../../core/error.js'
import type { TestMessage } from '../messages/test-message.js'
import type { MessageCriteria, MessageMatch, TextMatch } from './criteria.js'
import { ask, holds } from './holds.js'

/** How one criterion and a message fit. */
export interface Finding {
  /** The criterion: `subject`, `headers.x-kind`. */
  readonly field: string
  readonly fits: boolean
  readonly wanted: string
  readonly got: string
  /** What a function of the test threw. */
  readonly thrown?: { readonly error: unknown }
}

/** Every criterion, in the order of {@link MessageCriteria}, held against a message. */
export function compareMessage(match: MessageMatch, message: TestMessage): Finding[] {
  if (typeof match === 'function') return [askFunction('match', match, message)]
  return [...envelopeFindings(match, message), ...contentFindings(match, message)]
}

/** Whether a message is one of those meant. */
export function fits(match: MessageMatch, message: TestMessage): boolean {
  return compareMessage(match, message).every(finding => finding.fits)
}

/**
 * As {@link fits}, where there is no other message to wait for.
 * @throws what a function of the test throws at a message that fits but for it: it may be mistaken, and its answer is
 * not known.
 */
export function surelyFits(match: MessageMatch, message: TestMessage): boolean {
  const misses = compareMessage(match, message).filter(finding => !finding.fits)
  const [first] = misses
  if (first?.thrown && misses.every(({ thrown }) => thrown)) throw first.thrown.error
  return !first
}

/** Whether an address is one of those that `to` means; any is, where it says nothing. */
export function isMeantRecipient(match: MessageMatch, address: string): boolean {
  return typeof match === 'function' || match.to === undefined || oneOf('to', match.to, [address]).fits
}

function envelopeFindings({ to, from, envelope }: MessageCriteria, message: TestMessage): Finding[] {
  const { sender, recipients } = message
  const authors = [sender, ...message.from.map(({ address }) => address)]
  const found = [
    to !== undefined && oneOf('to', to, recipients),
    from !== undefined && oneOf('from', from, authors),
    envelope?.sender !== undefined && oneOf('envelope.sender', envelope.sender, [sender]),
    ...(envelope?.recipients ?? []).map(each => oneOf('envelope.recipients', each, recipients)),
  ]
  return found.filter(finding => finding !== false)
}

function contentFindings(criteria: MessageCriteria, message: TestMessage): Finding[] {
  const { subject, text, html, headers = {}, attachment, where } = criteria
  const found = [
    subject !== undefined && whole('subject', subject, message.subject),
    text !== undefined && part('text', text, message.text),
    html !== undefined && part('html', html, message.html),
    ...Object.entries(headers).map(([name, match]) => headerFinding(name, match, message)),
    attachment !== undefined && attachmentFinding(attachment, message),
    where !== undefined && askFunction('where', where, message),
  ]
  return found.filter(finding => finding !== false)
}

function oneOf(field: string, match: TextMatch, addresses: readonly string[]): Finding {
  const got = addresses.map(quote).join(', ')
  return compare({ field, wanted: describeMatch(match), got }, () =>
    addresses.some(address => isAddress(match, address)),
  )
}

function isAddress(match: TextMatch, address: string): boolean {
  return typeof match === 'string' ? match.toLowerCase() === address.toLowerCase() : holds(match, address)
}

function whole(field: string, match: TextMatch, text: string): Finding {
  return compare({ field, wanted: describeMatch(match), got: quote(text) }, () => isText(match, text))
}

function part(field: string, match: TextMatch, text: string): Finding {
  const wanted = typeof match === 'string' ? `something with ${quote(match)}` : describeMatch(match)
  return compare({ field, wanted, got: text === '' ? 'nothing' : quote(text) }, () =>
    typeof match === 'string' ? text.includes(match) : holds(match, text),
  )
}

function headerFinding(name: string, match: TextMatch | boolean, { header }: TestMessage): Finding {
  const values = header.all(name).map(each => each.value)
  const field = `headers.${name}`
  const got = values.length === 0 ? 'no such field' : values.map(quote).join(', ')
  if (typeof match === 'boolean') {
    return { field, fits: values.length > 0 === match, wanted: match ? 'the field' : 'no such field', got }
  }
  return compare({ field, wanted: describeMatch(match), got }, () =>
    values.some(value => isText(match, value)),
  )
}

function attachmentFinding(
  match: NonNullable<MessageCriteria['attachment']>,
  { attachments }: TestMessage,
): Finding {
  const names = attachments.map(({ filename, contentType }) => quote(filename ?? contentType))
  const got = names.length === 0 ? 'none' : names.join(', ')
  const wanted = typeof match === 'function' ? describeFunction(match) : describeMatch(match)
  return compare({ field: 'attachment', wanted, got }, () =>
    attachments.some(each =>
      typeof match === 'function' ? ask(match, each) : isText(match, each.filename ?? ''),
    ),
  )
}

function askFunction(
  field: string,
  question: (message: TestMessage) => boolean,
  message: TestMessage,
): Finding {
  return compare({ field, wanted: describeFunction(question), got: 'false' }, () => ask(question, message))
}

/**
 * A function of the test that throws does so at some message or other, which need not be the one that is waited for: it
 * does not mean that message, and what it threw is told.
 */
function compare(finding: Omit<Finding, 'fits'>, holdsTrue: () => boolean): Finding {
  try {
    return { ...finding, fits: holdsTrue() }
  } catch (thrown) {
    if (thrown instanceof MailError && thrown.code === 'OPTION_INVALID') throw thrown
    return { ...finding, fits: false, got: `an error: ${describeError(thrown)}`, thrown: { error: thrown } }
  }
}

function isText(match: TextMatch, text: string): boolean {
  return typeof match === 'string' ? match === text : holds(match, text)
}

function describeMatch(match: TextMatch): string {
  if (typeof match === 'string') return quote(match)
  return typeof match === 'function' ? describeFunction(match) : String(match)
}

function describeFunction(question: (...given: never[]) => unknown): string {
  return `what ${question.name === '' ? 'a function' : `${question.name}()`} wants`
}

/** Text on one line and not too long. */
function quote(text: string): string {
  return JSON.stringify(text.length > 160 ? `${text.slice(0, 159)}…` : text)
}

/** Criteria as people read them. */
export function describeCriteria(match: MessageMatch): string {
  if (typeof match === 'function') return describeFunction(match)
  const parts = Object.entries(match).flatMap(([field, value]) => describeCriterion(field, value))
  return parts.length === 0 ? 'any message' : parts.join(', ')
}

function describeCriterion(field: string, value: unknown): string[] {
  if (value === undefined) return []
  if (typeof value === 'object' && value !== null && !(value instanceof RegExp)) {
    return Object.entries(value).flatMap(([inner, each]) => describeCriterion(`${field}.${inner}`, each))
  }
  if (typeof value === 'boolean') return [value ? field : `no ${field}`]
  return [`${field}: ${describeMatch(value as TextMatch)}`]
}
