/** A link of a message. */
export interface MessageLink {
  /** As it is written, entities of HTML decoded. */
  readonly url: string
  /** What people click on: the text inside the anchor, or the address itself in plain text. */
  readonly text: string
  readonly from: 'html' | 'text'
}

const opening = /<a\s[^>]*?\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))[^>]*>/gi
const bareUrl = /\bhttps?:\/\/[^\s<>"'`]+/gi

/** Links of the HTML in their order, then those of the text that the HTML does not have. */
export function findLinks(html: string, text: string): MessageLink[] {
  const links = htmlLinks(html)
  const known = new Set(links.map(link => link.url))
  for (const [match] of text.matchAll(bareUrl)) {
    const url = withoutPunctuation(match)
    if (known.has(url)) continue
    known.add(url)
    links.push({ url, text: url, from: 'text' })
  }
  return links
}

function htmlLinks(html: string): MessageLink[] {
  const lower = html.toLowerCase()
  return [...html.matchAll(opening)].map(match => {
    const start = match.index + match[0].length
    const end = lower.indexOf('</a', start)
    const inside = html.slice(start, end < 0 ? start : end)
    return {
      url: decodeEntities(match[1] ?? match[2] ?? match[3] ?? '').trim(),
      text: htmlToText(inside),
      from: 'html',
    }
  })
}

/** The text of a piece of HTML on one line, tags taken out. */
export function htmlToText(html: string): string {
  const bare = html
    .replace(/<(style|script)\b[^>]*>[\s\S]*?<\/\1\s*>/gi, ' ')
    .replace(/<(?:br|p|div|tr|td|li|h\d)\b[^>]*>/gi, ' ')
    .replace(/<[^>]*>/g, '')
  return decodeEntities(bare).replace(/\s+/g, ' ').trim()
}

const entities: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  ['nbsp', ' '],
])

function decodeEntities(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w{2,8}));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return entities.get(String(name).toLowerCase()) ?? whole
    const code = hex === undefined ? Number(decimal) : Number.parseInt(String(hex), 16)
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}

/** What ends a sentence, or closes what was opened before the address, is not part of it. */
function withoutPunctuation(url: string): string {
  const bare = url.replace(/[.,;:!?*\]}]{1,8}$/, '')
  return bare.endsWith(')') && !bare.includes('(') ? bare.slice(0, -1) : bare
}
