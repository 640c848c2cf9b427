import { tryParseAddress } from '../core/address.js'
import type { MessageHeader } from '../message/header.js'

/** A `From:` longer than this is no author's. */
const longestFrom = 10_000

/**
 * The domain of the first author of a message (RFC 5322 §3.6.2), in A-labels; `undefined` where there is none, or more
 * than one `From:`, which readers do not agree on.
 */
export function authorDomain(header: MessageHeader): string | undefined {
  const [field, second] = header.all('from')
  if (!field || second || field.value.length > longestFrom) return undefined
  const mailbox = firstMailbox(field.value)
  const address = /<([^<>]*)>/.exec(mailbox)?.[1] ?? mailbox
  return tryParseAddress(address.trim())?.domain
}

/** Up to the first comma or semicolon, without comments, and without the quoted string of a display name. */
function firstMailbox(value: string): string {
  let mailbox = ''
  let depth = 0
  let quoted = false
  let bracket = false
  for (let at = 0; at < value.length; at++) {
    const char = value.charAt(at)
    if (char === '\\' && (quoted || depth > 0)) at++
    else if (char === '"' && depth === 0 && !bracket) quoted = !quoted
    else if (quoted) continue
    else if (char === '(' && !bracket) depth++
    else if (char === ')' && depth > 0) depth--
    else if (depth > 0) continue
    else if ((char === ',' || char === ';') && !bracket) return mailbox
    else {
      bracket = char === '<' || (bracket && char !== '>')
      mailbox += char
    }
  }
  return mailbox
}
