import type { TestMessage } from '../messages/test-message.js'

/**
 * A message as text that is the same in every run: dates, ids, boundaries and signatures have names in their place, the
 * same one for the same id. Parts stand decoded, a line a line, so that the difference between two can be read.
 */
export function snapshotOf(message: TestMessage): string {
  const names = new Names()
  const fields = message.header.fields
    .filter(field => !transport.has(field.name.toLowerCase()))
    .map(field => `${field.name}: ${names.replaceIn(shownValue(field.name, field.value))}`)
  const parts = [
    section('envelope', [
      `from <${names.replaceIn(message.sender)}>`,
      ...message.recipients.map(to => `to <${to}>`),
    ]),
    section('header', fields),
    message.text === '' ? '' : section('text', [names.replaceIn(message.text).trimEnd()]),
    message.html === '' ? '' : section('html', [names.replaceIn(message.html).trimEnd()]),
    ...message.attachments.map(({ filename = 'without name', contentType, content }) =>
      section(
        `attachment ${filename}, ${contentType}, ${content.length} octets`,
        contentLines(contentType, content),
      ),
    ),
  ]
  return `${parts.filter(part => part !== '').join('\n\n')}\n`
}

/** Fields that say how the parts travel, which stand decoded here. */
const transport = new Set(['content-transfer-encoding', 'mime-version'])

function section(title: string, lines: readonly string[]): string {
  return [`── ${title}`, ...lines].join('\n')
}

function shownValue(name: string, value: string): string {
  switch (name.toLowerCase()) {
    case 'date':
      return '<date>'
    case 'dkim-signature':
    case 'arc-seal':
    case 'arc-message-signature':
      return value.replace(/\b(bh?|t|x)=[^;]*/g, '$1=<…>')
    case 'received':
      return '<received>'
    case 'content-type':
      return value.replace(/(boundary=)("[^"]*"|[^;\s]+)/i, '$1<boundary>')
    default:
      return value
  }
}

function contentLines(contentType: string, content: Uint8Array): string[] {
  const isText = /^text\/|^message\/|json$|xml$/i.test(contentType)
  return isText ? [Buffer.from(content).toString().replace(/\r\n/g, '\n').trimEnd()] : []
}

/** Names in the place of ids: the same for the same. */
class Names {
  readonly #known = new Map<string, string>()

  replaceIn(text: string): string {
    return text
      .replace(/<[^\s<>@]{1,200}@[^\s<>@]{1,200}>/g, id => (isRandom(id) ? `<${this.#name(id)}>` : id))
      .replace(
        /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi,
        id => `<${this.#name(id)}>`,
      )
      .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?/g, '<date>')
  }

  #name(id: string): string {
    const name = this.#known.get(id) ?? `id ${this.#known.size + 1}`
    this.#known.set(id, name)
    return name
  }
}

/** Whether what stands in angle brackets is an id and no address: ids have digits and letters without a word. */
function isRandom(id: string): boolean {
  const local = id.slice(1, id.indexOf('@'))
  return /\d/.test(local) && local.length >= 12
}
