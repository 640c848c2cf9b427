import { tryParseAddress } from '../core/address.js'
import { exactStatus, messageIdIn, type ParsedDsn, type ParsedDsnRecipient } from './read-delivery-status.js'
import { addressText, remoteText } from './remote-text.js'

const mostRecipients = 1_000
/** Characters of a reason after which no further line is taken: more than is kept of it. */
const enoughOfReason = 4_000

/** How qmail and its kin begin, with the name of the host. */
const qmailOpening = /^\s*Hi\. This is the [^\n]{0,200}? at\s{1,3}([^\s]{1,255}?)\.?\s*\n/
/** How Sendmail began before it wrote reports for programs, and its kin still do. */
const sendmailOpening =
  /^\s*(?:The original message was received [^\n]*\n(?:[^\n]*\n){0,5}?\s*)?-{3,} ?The following addresses had (?:permanent|delivery)[\w ]{1,40}-{3,}/

/**
 * Reads a bounce that is text alone: that of qmail and its kin (QSBMF, D. J. Bernstein 1998), that of old Sendmails, or
 * one whose `X-Failed-Recipients:` names the addresses, as Exim wrote them. `undefined` for any other text.
 */
export function readPlainBounce(text: string, failed: string | undefined): ParsedDsn | undefined {
  const told = readPlainReasons(text)
  const program = qmailOpening.exec(text)
  const named = failed === undefined ? [] : failed.split(',').map(address => address.trim())
  const addresses = program || sendmailOpening.test(text) ? [...told.keys()] : named
  const recipients = addresses
    .filter(address => tryParseAddress(address) !== undefined)
    .slice(0, mostRecipients)
    .map(address => failedRecipient(address, told.get(address)))
  if (recipients.length === 0) return undefined
  const messageId = messageIdIn(/^Message-ID:.{0,600}/im.exec(text)?.[0])
  return {
    ...(program?.[1] !== undefined && { reportingMta: remoteText(program[1]) }),
    ...(messageId !== undefined && { originalMessageId: messageId }),
    recipients,
  }
}

function failedRecipient(address: string, reason: string | undefined): ParsedDsnRecipient {
  const status = exactStatus(undefined, reason)
  return {
    finalRecipient: { type: 'rfc822', address: addressText(address) },
    action: 'failed',
    ...(status !== undefined && { status }),
    ...(reason !== undefined && { diagnostic: { type: '', text: reason } }),
  }
}

/** `<address>:`, `address: reason`, or an address alone on its line. */
const addressLine = /^\s{0,8}<?((?:"[^"\\]{1,64}"|[^\s<>:"]{1,254})@[^\s<>:]{1,254})>?(?::(?:\s(.*))?|\s*)$/
/** What comes after it is not about the bounce. */
const lastLine = /^\s{0,4}-{3,} ?(?:Below|Enclosed|Transcript|(?:The )?original message)/i
/** Says that the reason of the address above comes, behind an empty line: Gmail's. */
const reasonHeading = /^(?:Technical details of|The response from the remote server was:)/

/**
 * What the words for a person say of each address: the lines behind one that begins with it, up to an empty line or the
 * next address.
 */
export function readPlainReasons(text: string): Map<string, string> {
  const reasons = new Map<string, string>()
  let last: string | undefined
  let current: string | undefined
  for (const line of text.split(/\r?\n/)) {
    if (lastLine.test(line)) break
    const [, address, first = ''] = addressLine.exec(line) ?? []
    if (address !== undefined) {
      current = last = address
      reasons.set(address, first.trim())
    } else if (line.trim() === '') current = undefined
    else if (current !== undefined) {
      const reason = reasons.get(current) ?? ''
      if (reason.length < enoughOfReason) reasons.set(current, `${reason} ${line}`)
    } else if (last !== undefined && reasons.get(last) === '' && reasonHeading.test(line)) current = last
  }
  const texts = [...reasons].map(([address, reason]) => [address, remoteText(reason)] as const)
  return new Map(texts.filter(([, reason]) => reason !== ''))
}
