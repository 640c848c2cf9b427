import { type Address, formatAddress, tryParseAddress } from '../core/address.js'

/** The argument of MAIL or RCPT (RFC 5321 §4.1.1.2, §4.1.1.3): a path, then parameters. */
export interface PathArgument {
  /** What stands between `<` and `>`, source route taken off (RFC 5321 appendix C). */
  readonly path: string
  /** Keywords in upper case, in their order, with their values; no value is `undefined`. */
  readonly parameters: ReadonlyMap<string, string | undefined>
}

/** `esmtp-param` of RFC 5321 §4.1.2. Values may hold UTF-8 (RFC 6531 §3.3) and, in ORCPT and AUTH, `=`. */
const parameter = /^([a-z0-9][a-z0-9-]*)(?:=([!-~\u0080-\uffff]+))?$/i
const sourceRoute = /^@[^\s,:@"]+(?:,@[^\s,:@"]+)*:/

/** Reads `FROM:<path> parameters`. `undefined` for what is none, or names a parameter twice. */
export function parsePathArgument(keyword: 'FROM' | 'TO', argument: string): PathArgument | undefined {
  const colon = keyword.length
  if (argument[colon] !== ':' || argument.slice(0, colon).toUpperCase() !== keyword) return undefined
  // Clients in use put a space behind the colon, against the grammar.
  const start = argument[colon + 1] === ' ' ? colon + 2 : colon + 1
  const end = endOfPath(argument, start)
  if (end === undefined) return undefined
  const parameters = parseParameters(argument.slice(end + 1))
  const path = argument.slice(start + 1, end).replace(sourceRoute, '')
  return parameters && { path, parameters }
}

/** Index of the `>` that ends the path; one within a quoted local part does not. */
function endOfPath(text: string, start: number): number | undefined {
  if (text[start] !== '<') return undefined
  const plainEnd = text.indexOf('>', start)
  const quote = text.indexOf('"', start)
  if (quote < 0 || plainEnd < quote) return plainEnd < 0 ? undefined : plainEnd
  let quoted = false
  for (let index = start + 1; index < text.length; index++) {
    const char = text[index]
    if (quoted && char === '\\') index++
    else if (char === '"') quoted = !quoted
    else if (char === '>' && !quoted) return index
  }
  return undefined
}

const noParameters: PathArgument['parameters'] = new Map()

function parseParameters(text: string): PathArgument['parameters'] | undefined {
  if (text === '') return noParameters
  if (text[0] !== ' ') return undefined
  const parameters = new Map<string, string | undefined>()
  for (const word of text.split(' ')) {
    if (word === '') continue
    const match = parameter.exec(word)
    const name = match?.[1]?.toUpperCase()
    if (name === undefined || parameters.has(name)) return undefined
    parameters.set(name, match?.[2])
  }
  return parameters
}

/** What {@link readMailbox} made of a path. */
export type Mailbox =
  | { readonly status: 'ok'; readonly address: Address; readonly wire: string }
  | { readonly status: 'invalid' }
  /** It is written in UTF-8, and the transaction is without SMTPUTF8 (RFC 6531 §3.2). */
  | { readonly status: 'needs-smtputf8' }

/** Reads the mailbox of a path that is not the null path. */
export function readMailbox(path: string, smtputf8: boolean): Mailbox {
  if (!smtputf8 && /[^\u0000-\u007f]/.test(path)) return { status: 'needs-smtputf8' }
  const address = tryParseAddress(path)
  return address ? { status: 'ok', address, wire: formatAddress(address) } : { status: 'invalid' }
}
