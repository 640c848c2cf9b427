import { type Address, tryParseAddress } from '../core/address.js'
import type { MessageHeader } from './header.js'

/** A `From:` longer than this names nobody. */
const longestFrom = 10_000

/**
 * The authors of a message (RFC 5322 §3.6.2), in their order; none where it has no `From:`. `undefined` where readers
 * would not agree on them: more than one `From:`, a mailbox that is none, a header that was not read to its end.
 */
export function readAuthors(header: MessageHeader): readonly Address[] | undefined {
  const [field, second] = header.all('from')
  if (second || !header.complete) return undefined
  if (!field) return []
  if (field.value.length > longestFrom) return undefined
  const authors: Address[] = []
  const mailboxes = splitMailboxes(field.value)
  if (!mailboxes) return undefined
  for (const mailbox of mailboxes) {
    const address = readMailbox(mailbox.trim())
    if (!address) return undefined
    authors.push(address)
  }
  return authors
}

/** `Name <local@domain>` or the address alone; one pair of angle brackets, with nothing behind it. */
function readMailbox(mailbox: string): Address | undefined {
  return tryParseAddress(
    mailbox.endsWith('>') ? (/^[^<>]*<([^<>]*)>$/.exec(mailbox)?.[1] ?? '').trim() : mailbox,
  )
}

/** What stands between commas and semicolons, without comments, and without the quoted strings of display names; `undefined` where one does not end. */
function splitMailboxes(value: string): string[] | undefined {
  const mailboxes = ['']
  let depth = 0
  let start = 0
  let quoted = false
  let bracket = false
  for (let at = 0; at < value.length; at++) {
    const char = value.charAt(at)
    if (char === '\\' && (quoted || depth > 0)) at++
    else if (char === '"' && depth === 0 && !bracket) {
      if (!quoted) start = at
      // A local part may be quoted; any other quoted string is of a display name.
      else if (value[at + 1] === '@') mailboxes.push((mailboxes.pop() ?? '') + value.slice(start, at + 1))
      quoted = !quoted
    } else if (quoted) continue
    else if (char === '(' && !bracket) depth++
    else if (char === ')' && depth > 0) depth--
    else if (depth > 0) continue
    else if ((char === ',' || char === ';') && !bracket) mailboxes.push('')
    else {
      bracket = char === '<' || (bracket && char !== '>')
      mailboxes.push((mailboxes.pop() ?? '') + char)
    }
  }
  if (quoted || bracket || depth > 0) return undefined
  return mailboxes.filter(mailbox => mailbox.trim() !== '')
}
