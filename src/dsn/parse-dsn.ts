import { readHeader } from '../message/header.js'
import type { MessageSource } from '../message/message-source.js'
import { parseParameterized } from '../message/mime-parameters.js'
import { bytesSource } from '../message/sources.js'
import { type MimePart, parseStructure } from '../message/structure.js'
import { decodePart } from './decode-part.js'
import { type ParsedDsn, readDeliveryStatus } from './read-delivery-status.js'

/** Octets of a delivery-status part, and of a returned header, that are read. */
const largestPart = 1024 * 1024

/** A DSN has three parts; what is built of more than these is read no further. */
const limits = { parts: 50, depth: 5 }

/**
 * Reads a delivery status notification of any server (RFC 3464, RFC 6533). `undefined` for a message that is none.
 * Never fails for what is in the message: what cannot be read is left out. Memory and time are bounded, whatever it
 * says.
 */
export async function parseDsn(source: MessageSource): Promise<ParsedDsn | undefined> {
  const header = await readHeader(source)
  if (parseParameterized(header.get('content-type')?.value ?? '').value !== 'multipart/report')
    return undefined
  const { root } = await parseStructure(source, limits)
  const status = root.children.find(part => part.type === 'message' && statusTypes.has(part.subtype))
  if (!status) return undefined
  const report = readDeliveryStatus(await decodePart(source, status, largestPart))
  const messageId = await originalMessageId(source, root.children.find(isReturned))
  return messageId === undefined ? report : { ...report, originalMessageId: messageId }
}

const statusTypes = new Set(['delivery-status', 'global-delivery-status'])
const returnedTypes = new Set([
  'message/rfc822',
  'message/global',
  'message/global-headers',
  'text/rfc822-headers',
])

function isReturned(part: MimePart): boolean {
  return returnedTypes.has(`${part.type}/${part.subtype}`)
}

async function originalMessageId(
  source: MessageSource,
  part: MimePart | undefined,
): Promise<string | undefined> {
  if (!part) return undefined
  const header = await readHeader(bytesSource(await decodePart(source, part, largestPart)))
  return /<[^<>\s]{1,500}>/.exec(header.get('message-id')?.value ?? '')?.[0]
}
