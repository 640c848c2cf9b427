import { MailError } from '../../core/error.js'
import { holds } from '../waiting/holds.js'
import { readTags } from './html-tags.js'

/** A link of a message. */
export interface MessageLink {
  /** As it is written, entities of HTML decoded. */
  readonly url: string
  /** What people click on: the text inside the anchor, or the address itself in plain text. */
  readonly text: string
  readonly from: 'html' | 'text'
}

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

/**
 * The first link whose address or text fits: a string is a part of either.
 * @throws MailError `NO_SUCH_LINK`, naming the links that there are.
 */
export function findLink(links: readonly MessageLink[], match: string | RegExp): MessageLink {
  const fits = (text: string) => (typeof match === 'string' ? text.includes(match) : holds(match, text))
  const found = links.find(({ url, text }) => fits(url) || fits(text))
  if (found) return found
  const known = links.map(({ url, text }) => `  ${text} → ${url}`)
  const there = known.length === 0 ? 'there is none' : ['there are:', ...known].join('\n')
  throw new MailError('NO_SUCH_LINK', `no link fits ${String(match)}; ${there}`)
}

/** Anchors with their text, which ends where the next begins: they do not stand inside each other. */
function htmlLinks(html: string): MessageLink[] {
  const links: MessageLink[] = []
  let open: { url: string; start: number } | undefined
  for (const { name, closes, attributes, start, end } of readTags(html)) {
    if (name !== 'a') continue
    if (open) links.push({ url: open.url, text: htmlToText(html.slice(open.start, start)), from: 'html' })
    const href = closes ? undefined : attributes.get('href')
    open = href === undefined ? undefined : { url: decodeEntities(href).trim(), start: end }
  }
  if (open) links.push({ url: open.url, text: '', from: 'html' })
  return links
}

/** What parts words where it stands. */
const blocks = /^(?:br|p|div|tr|td|li|h\d|style|script)$/

/** The text of a piece of HTML on one line, tags taken out. */
export function htmlToText(html: string): string {
  const pieces: string[] = []
  let at = 0
  for (const { name, closes, start, end } of readTags(html)) {
    pieces.push(html.slice(at, start), blocks.test(name) && !closes ? ' ' : '')
    at = end
  }
  pieces.push(html.slice(at))
  return decodeEntities(pieces.join('')).replace(/\s+/g, ' ').trim()
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
