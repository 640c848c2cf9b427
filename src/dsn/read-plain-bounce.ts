import { tryParseAddress } from '../core/address.js'
import { exactStatus, type ParsedDsn, type ParsedDsnRecipient } from './read-delivery-status.js'
import { remoteText } from './remote-text.js'

const mostRecipients = 1_000

/**
 * Reads a bounce that is text alone: that of qmail and its kin (QSBMF, D. J. Bernstein 1998), or one whose
 * `X-Failed-Recipients:` names the addresses, as Exim wrote them. `undefined` for any other text.
 */
export function readPlainBounce(text: string, failed: string | undefined): ParsedDsn | undefined {
  const told = readPlainReasons(text)
  const program = /^\s*Hi\. This is the [^\n]{0,200}? at ([^\s]{1,255}?)\.?\s*\n/.exec(text)
  const named = failed === undefined ? [] : failed.split(',').map(address => address.trim())
  const addresses = program ? [...told.keys()] : named
  const recipients = addresses
    .filter(address => tryParseAddress(address) !== undefined)
    .slice(0, mostRecipients)
    .map(address => failedRecipient(address, told.get(address)))
  if (recipients.length === 0) return undefined
  const messageId = /^Message-ID:\s{0,5}(<[^<>\s]{1,500}>)/im.exec(text)?.[1]
  return {
    ...(program?.[1] !== undefined && { reportingMta: remoteText(program[1]) }),
    ...(messageId !== undefined && { originalMessageId: messageId }),
    recipients,
  }
}

function failedRecipient(address: string, reason: string | undefined): ParsedDsnRecipient {
  const status = exactStatus(undefined, reason)
  return {
    finalRecipient: { type: 'rfc822', address: remoteText(address) },
    action: 'failed',
    ...(status !== undefined && { status }),
    ...(reason !== undefined && { diagnostic: { type: '', text: reason } }),
  }
}

/**
 * What the words for a person say of each address: the lines behind one that begins with it, as `<address>:`,
 * `address: reason` or the address alone, up to an empty line or the next address.
 */
export function readPlainReasons(text: string): Map<string, string> {
  const reasons = new Map<string, string>()
  let current: string | undefined
  for (const line of text.split(/\r?\n/)) {
    if (/^--- (?:Below|Enclosed)/i.test(line) || reasons.size > mostRecipients) break
    const [, address, first = ''] =
      /^\s{0,8}<?([^\s<>:]{1,254}@[^\s<>:]{1,254})>?(?::(?:\s(.*))?|\s*)$/.exec(line) ?? []
    if (address !== undefined) {
      current = address
      reasons.set(current, remoteText(first))
    } else if (line.trim() === '') current = undefined
    else if (current !== undefined) reasons.set(current, remoteText(`${reasons.get(current)} ${line}`))
  }
  for (const [address, reason] of reasons) if (reason === '') reasons.delete(address)
  return reasons
}
