/** Columns of an encoded line, the `=` of a soft break included (RFC 2045 §6.7 rule 5). */
const columns = 76

/** Text with CRLF line breaks in quoted-printable (RFC 2045 §6.7), for text that is not ASCII or has long lines. */
export function encodeQuotedPrintable(bytes: Uint8Array): string {
  let encoded = ''
  let column = 0
  for (let index = 0; index < bytes.length; index++) {
    const octet = bytes[index] ?? 0
    if (octet === 0x0d && bytes[index + 1] === 0x0a) {
      encoded += '\r\n'
      column = 0
      index++
      continue
    }
    const token = isLiteral(octet, bytes[index + 1]) ? String.fromCharCode(octet) : escaped(octet)
    if (column + token.length > columns - 1) {
      encoded += '=\r\n'
      column = 0
    }
    encoded += token
    column += token.length
  }
  return encoded
}

function isLiteral(octet: number, next: number | undefined): boolean {
  if (octet === 0x20 || octet === 0x09) return next !== undefined && next !== 0x0d
  return octet > 0x20 && octet < 0x7f && octet !== 0x3d
}

function escaped(octet: number): string {
  return `=${octet.toString(16).toUpperCase().padStart(2, '0')}`
}
