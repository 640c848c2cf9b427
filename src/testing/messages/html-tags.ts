/** A tag of HTML; a comment, and a script or style sheet with all that is in it, are tags without attributes. */
export interface HtmlTag {
  /** In lower case; `''` for a comment. */
  readonly name: string
  /** Whether it is `</…>`. */
  readonly closes: boolean
  /** By name in lower case, entities not decoded. */
  readonly attributes: ReadonlyMap<string, string>
  /** Where it begins, and where what follows it does. */
  readonly start: number
  readonly end: number
}

const opening = /<(\/?)([a-z][^\s/>]*)/iy
const attribute = /[\s/]*([^\s/>=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?/y
const none: ReadonlyMap<string, string> = new Map()

/** The tags of a piece of HTML, as browsers find them (WHATWG HTML §13.2.5, as far as mail needs it). */
export function* readTags(html: string): Generator<HtmlTag> {
  let at = html.indexOf('<')
  while (at >= 0) {
    const tag = readComment(html, at) ?? readTag(html, at)
    if (tag) yield tag
    at = html.indexOf('<', tag ? tag.end : at + 1)
  }
}

function readComment(html: string, start: number): HtmlTag | undefined {
  if (!/^<[!?]/.test(html.slice(start, start + 2))) return undefined
  const end = html.startsWith('<!--', start) ? behind(html, '-->', start + 4) : behind(html, '>', start)
  return { name: '', closes: false, attributes: none, start, end }
}

function readTag(html: string, start: number): HtmlTag | undefined {
  opening.lastIndex = start
  const [whole, slash, given = ''] = opening.exec(html) ?? []
  if (whole === undefined) return undefined
  const name = given.toLowerCase()
  const closes = slash === '/'
  const { attributes, end } = readAttributes(html, start + whole.length)
  if (closes || (name !== 'script' && name !== 'style')) return { name, closes, attributes, start, end }
  const inside = html.slice(end).search(new RegExp(`</${name}`, 'i'))
  const closing = inside < 0 ? html.length : behind(html, '>', end + inside)
  return { name, closes, attributes: none, start, end: closing }
}

function readAttributes(html: string, start: number): Pick<HtmlTag, 'attributes' | 'end'> {
  const attributes = new Map<string, string>()
  let at = start
  for (;;) {
    attribute.lastIndex = at
    const found = attribute.exec(html)
    if (!found) break
    const [whole, given = '', double, single, bare] = found
    const name = given.toLowerCase()
    // The first of a name is the one that counts (§13.2.5.33).
    if (!attributes.has(name)) attributes.set(name, double ?? single ?? bare ?? '')
    at += whole.length
  }
  return { attributes, end: behind(html, '>', at) }
}

/** Where a text ends that is looked for from somewhere on; the end of all where it is not there. */
function behind(html: string, text: string, from: number): number {
  const at = html.indexOf(text, from)
  return at < 0 ? html.length : at + text.length
}
