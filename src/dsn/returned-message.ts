import type { MessageHeader } from '../message/header.js'
import type { MessageSource } from '../message/message-source.js'
import { bytesSource } from '../message/sources.js'
import type { DsnContent } from './dsn.js'
import { encodeQuotedPrintable } from './quoted-printable.js'

/** A part of a DSN. */
export interface DsnPart {
  readonly contentType: string
  readonly encoding: '7bit' | '8bit' | 'quoted-printable'
  readonly body: MessageSource
}

/** A larger message comes back as its header alone, whatever RET asked for: its bounce has to get through itself. */
const largestWhole = 1024 * 1024
/** Octets of a header that come back. */
const largestHeader = 64 * 1024
/** Octets of a line that may go unencoded (RFC 5322 §2.1.1). */
const longestLine = 998

/** The message a DSN is about, or its header (RFC 3462 §2, RFC 6533 §5). */
export function returnedMessage(content: DsnContent, header: MessageHeader): Promise<DsnPart> | DsnPart {
  const whole = content.kind === 'failed' && content.ret === 'full' && content.message.size <= largestWhole
  return whole ? wholeMessage(content) : headerOnly(content, header)
}

async function wholeMessage({ message, smtputf8 }: DsnContent): Promise<DsnPart> {
  return {
    contentType: smtputf8 ? 'message/global' : 'message/rfc822',
    // A message in a message must not be encoded (RFC 2046 §5.2.1), so the label says what is there.
    encoding: (await isEightBit(message)) ? '8bit' : '7bit',
    body: message,
  }
}

async function isEightBit(source: MessageSource): Promise<boolean> {
  for await (const chunk of source.open()) if (chunk.some(octet => octet > 0x7f)) return true
  return false
}

function headerOnly({ smtputf8 }: DsnContent, header: MessageHeader): DsnPart {
  const text = headerText(header)
  const eightBit = /[^\u0000-\u007f]/.test(text)
  const contentType = smtputf8 ? 'message/global-headers' : 'text/rfc822-headers'
  const bytes = Buffer.from(text, 'latin1')
  if ((eightBit && !smtputf8) || text.split('\r\n').some(line => line.length > longestLine)) {
    return { contentType, encoding: 'quoted-printable', body: bytesSource(encodeQuotedPrintable(bytes)) }
  }
  return { contentType, encoding: eightBit ? '8bit' : '7bit', body: bytesSource(bytes) }
}

/** The fields as they came, as far as there is room, each octet a character; lines end in CRLF. */
function headerText(header: MessageHeader): string {
  let text = ''
  for (const field of header.fields) {
    if (text.length + field.raw.length > largestHeader) break
    text += field.raw
  }
  return text.replace(/\r?\n/g, '\r\n').replace(/\r(?!\n)|\0/g, ' ')
}
