import type { MessageHeader } from '../../message/header.js'
import { countMailboxes } from './address-list.js'
import { readListUnsubscribe } from './list-unsubscribe.js'

/** Something in a message that a standard forbids, or advises against. */
export interface LintProblem {
  /** Stable name of the rule: `date-missing`. */
  readonly rule: string
  /** What is wrong, for people. */
  readonly message: string
  /** Where it stands: `RFC 5322 §3.6.1`. */
  readonly source: string
}

/** A rule looks at a message and tells what is wrong in it. */
type Rule = (message: LintedMessage) => readonly LintProblem[]

/** What rules look at. */
export interface LintedMessage {
  readonly header: MessageHeader
  readonly raw: Buffer
  readonly smtputf8: boolean
}

/** Holds a message against the rules of RFC 5322 for its form and of RFC 8058 for leaving a list by one click. */
export function lintMessage(message: LintedMessage): LintProblem[] {
  return rules.flatMap(rule => rule(message))
}

function problem(rule: string, message: string, source: string): LintProblem {
  return { rule, message, source }
}

/** RFC 5322 §3.6, the table: fields that stand once at most. */
const single = [
  'Date',
  'From',
  'Sender',
  'Reply-To',
  'To',
  'Cc',
  'Bcc',
  'Message-ID',
  'In-Reply-To',
  'References',
  'Subject',
]

const repeated: Rule = ({ header }) =>
  single
    .filter(name => header.all(name).length > 1)
    .map(name =>
      problem(
        'field-repeated',
        `${name} stands ${header.all(name).length} times, expected once`,
        'RFC 5322 §3.6',
      ),
    )

const date: Rule = ({ header }) => {
  const field = header.get('Date')
  if (!field) return [problem('date-missing', 'there is no Date', 'RFC 5322 §3.6.1')]
  const form =
    /^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d(?::\d\d)? [+-]\d{4}(?: \(.*\))?$/
  if (form.test(field.value)) return []
  return [problem('date-form', `Date is ${JSON.stringify(field.value)}`, 'RFC 5322 §3.3')]
}

const authors: Rule = ({ header }) => {
  const field = header.get('From')
  if (!field) return [problem('from-missing', 'there is no From', 'RFC 5322 §3.6.2')]
  const several = (countMailboxes(field.value) ?? 0) > 1
  if (!several || header.get('Sender')) return []
  return [problem('sender-missing', 'From has several authors, and there is no Sender', 'RFC 5322 §3.6.2')]
}

/** Fields of addresses; RFC 6854 lets From and Sender hold groups, too. */
const addressed = ['From', 'Sender', 'Reply-To', 'To', 'Cc', 'Bcc']

const addresses: Rule = ({ header }) =>
  addressed
    .flatMap(name => header.all(name))
    .filter(({ value }) => value !== '' && countMailboxes(value) === undefined)
    .map(({ name, value }) => problem('address-form', `${name} is ${JSON.stringify(value)}`, 'RFC 5322 §3.4'))

const messageId: Rule = ({ header }) => {
  const field = header.get('Message-ID')
  if (!field) return [problem('message-id-missing', 'there is no Message-ID', 'RFC 5322 §3.6.4')]
  if (/^<[^\s<>@]+@[^\s<>@]+>$/.test(field.value)) return []
  return [problem('message-id-form', `Message-ID is ${JSON.stringify(field.value)}`, 'RFC 5322 §3.6.4')]
}

const hidden: Rule = ({ header }) =>
  header.get('Bcc')?.value
    ? [problem('bcc-shown', 'Bcc shows everyone who was to be hidden', 'RFC 5322 §3.6.3')]
    : []

const empty: Rule = ({ header }) =>
  ['From', 'To', 'Cc', 'Reply-To', 'Sender']
    .filter(name => header.get(name)?.value === '')
    .map(name => problem('field-empty', `${name} is empty`, 'RFC 5322 §3.6'))

const form: Rule = ({ header, raw, smtputf8 }) => {
  const found: LintProblem[] = []
  if (header.fields.some(field => field.name === '')) {
    found.push(problem('field-form', 'the header has a line that is no field', 'RFC 5322 §2.2'))
  }
  const octets = header.fields.filter(field => /[^\u0000-\u007f]/.test(field.raw))
  if (octets.length > 0 && !smtputf8) {
    const names = octets.map(field => field.name).join(', ')
    found.push(
      problem('header-not-ascii', `${names}: not encoded, and not sent by SMTPUTF8`, 'RFC 5322 §2.2'),
    )
  }
  const text = raw.toString('latin1')
  if (/[^\r\n]{999}/.test(text)) {
    found.push(problem('line-too-long', 'a line is longer than 998 octets', 'RFC 5322 §2.1.1'))
  }
  if (/\r(?!\n)|(?<!\r)\n/.test(text)) {
    found.push(problem('bare-line-break', 'a CR or LF stands alone', 'RFC 5322 §2.3'))
  }
  return found
}

const encodedWords: Rule = ({ header }) =>
  header.fields
    .filter(field => /=\?[^?\s]+\?[bq]\?[^?\s]{1,998}\?=/i.test(field.raw))
    .filter(field =>
      (field.raw.match(/=\?[^?\s]+\?[bq]\?[^?\s]{0,998}\?=/gi) ?? []).some(word => word.length > 75),
    )
    .map(field =>
      problem(
        'encoded-word-too-long',
        `${field.name} has an encoded word of more than 75 characters`,
        'RFC 2047 §2',
      ),
    )

const mime: Rule = ({ header }) =>
  header.get('Content-Type') && !header.get('MIME-Version')
    ? [problem('mime-version-missing', 'there is a Content-Type and no MIME-Version', 'RFC 2045 §4')]
    : []

const oneClick: Rule = ({ header }) => {
  const post = header.get('List-Unsubscribe-Post')
  if (!post) return []
  const found: LintProblem[] = []
  const list = readListUnsubscribe(header)
  if (post.value !== 'List-Unsubscribe=One-Click') {
    found.push(
      problem('one-click-form', `List-Unsubscribe-Post is ${JSON.stringify(post.value)}`, 'RFC 8058 §3.1'),
    )
  }
  if (!/^https:/i.test(list?.url ?? '')) {
    found.push(
      problem('one-click-without-https', 'List-Unsubscribe has no https URI to post to', 'RFC 8058 §3.1'),
    )
  }
  if (!isSigned(header, ['list-unsubscribe', 'list-unsubscribe-post'])) {
    found.push(
      problem(
        'one-click-unsigned',
        'no DKIM signature covers List-Unsubscribe and List-Unsubscribe-Post',
        'RFC 8058 §4',
      ),
    )
  }
  return found
}

function isSigned(header: MessageHeader, names: readonly string[]): boolean {
  return header.all('DKIM-Signature').some(({ value }) => {
    const signed = /(?:^|;)\s*h\s*=([^;]*)/.exec(value)?.[1] ?? ''
    const list = signed
      .toLowerCase()
      .split(':')
      .map(name => name.trim())
    return names.every(name => list.includes(name))
  })
}

const rules: readonly Rule[] = [
  date,
  authors,
  addresses,
  messageId,
  repeated,
  empty,
  hidden,
  form,
  encodedWords,
  mime,
  oneClick,
]
