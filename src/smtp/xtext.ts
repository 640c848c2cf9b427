/**
 * Encodes a DSN parameter as xtext (RFC 3461 §4): ASCII graphics but `+` and `=` stand for themselves, every other
 * octet of the UTF-8 form is `+` and two capital hex digits.
 */
export function encodeXtext(text: string): string {
  let encoded = ''
  for (const octet of Buffer.from(text)) {
    const plain = octet > 0x20 && octet < 0x7f && octet !== 0x2b && octet !== 0x3d
    encoded += plain ? String.fromCharCode(octet) : `+${octet.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}

/** Decodes xtext; `undefined` for what is none, or hides control characters. */
export function decodeXtext(text: string): string | undefined {
  if (!/^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/.test(text)) return undefined
  const octets = text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  const decoded = Buffer.from(octets, 'latin1').toString('utf8')
  return /[\u0000-\u001f\u007f-\u009f\ufffd]/.test(decoded) ? undefined : decoded
}
