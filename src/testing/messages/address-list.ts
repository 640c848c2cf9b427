/**
 * How many mailboxes an address-list holds, those inside groups included (RFC 5322 §3.4, RFC 6532 §3.2), or `undefined`
 * for what is no such list by the grammar that writers must keep to; readers take more.
 */
export function countMailboxes(value: string): number | undefined {
  const text = readTokens(value)?.join('')
  if (text === undefined || !addressList.test(text)) return undefined
  return text.match(new RegExp(mailbox, 'g'))?.length ?? 0
}

/** RFC 5322 §3.2.3, with the UTF-8 of RFC 6532. */
const atomText = /[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+/uy
const quotedString = /"(?:[^"\\\r\n]|\\[\t -~\u0080-\u{10ffff}])*"/uy
const domainLiteral = /\[[^[\]\\]*\]/y
const blanks = /[ \t]+/y

/**
 * The value as a word of one letter a token, so that its grammar is a pattern: `a` an atom, `q` a quoted string, `d` a
 * domain literal, and the specials as they are. Blanks are kept where they part two words: there is none in an address.
 */
function readTokens(value: string): string[] | undefined {
  const tokens: string[] = []
  for (let at = 0; at < value.length; ) {
    const end =
      endOf(atomText, value, at) ?? endOf(quotedString, value, at) ?? endOf(domainLiteral, value, at)
    const gap = endOf(blanks, value, at) ?? endOfComment(value, at)
    if (end !== undefined) tokens.push(letters.get(value[at] ?? '') ?? 'a')
    else if (gap !== undefined) tokens.push(' ')
    else if (/[<>,:;@.]/.test(value[at] ?? '')) tokens.push(value[at] ?? '')
    else return undefined
    at = end ?? gap ?? at + 1
  }
  return tokens
}

const letters: ReadonlyMap<string, string> = new Map([
  ['"', 'q'],
  ['[', 'd'],
])

function endOf(pattern: RegExp, value: string, start: number): number | undefined {
  pattern.lastIndex = start
  return pattern.test(value) ? pattern.lastIndex : undefined
}

/** Comments may hold others (§3.2.2). */
function endOfComment(value: string, start: number): number | undefined {
  if (value[start] !== '(') return undefined
  let depth = 0
  for (let at = start; at < value.length; at++) {
    if (value[at] === '\\') at++
    else if (value[at] === '(') depth++
    else if (value[at] === ')' && --depth === 0) return at + 1
  }
  return undefined
}

const dotAtom = 'a(?:\\.a)*'
const addrSpec = `(?:${dotAtom}|q)@(?:${dotAtom}|d)`
const phrase = '[aq](?: *[aq])*'
const mailbox = `(?:(?:${phrase})? *< *${addrSpec} *>|${addrSpec})`
const mailboxList = `${mailbox}(?: *, *${mailbox})*`
const group = `${phrase} *: *(?:${mailboxList})? *;`
const address = `(?:${group}|${mailbox})`
const addressList = new RegExp(`^ *${address}(?: *, *${address})* *$`)
