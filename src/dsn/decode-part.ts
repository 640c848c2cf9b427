import type { MessageSource } from '../message/message-source.js'
import { readAll } from '../message/sources.js'
import type { MimePart } from '../message/structure.js'

/** The decoded body of a part, no more than its first `limit` octets. */
export async function decodePart(source: MessageSource, part: MimePart, limit: number): Promise<Uint8Array> {
  const end = Math.min(part.bodyEnd, part.bodyStart + limit)
  const range = { start: part.bodyStart, end }
  const body = await readAll({ size: end - part.bodyStart, open: () => source.open(range) })
  if (part.encoding === 'base64') return Buffer.from(body.toString('latin1'), 'base64')
  return part.encoding === 'quoted-printable' ? decodeQuotedPrintable(body) : body
}

/** Decodes as RFC 2045 §6.7 says, and leaves what is wrong as it is. */
function decodeQuotedPrintable(body: Buffer): Buffer {
  const text = body.toString('latin1').replace(/=\r?\n/g, '')
  const octets = text.replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(octets, 'latin1')
}
