/** The modified UTF-7 of mailbox names (RFC 3501 §5.1.3). */
export function encodeModifiedUtf7(text: string): string {
  return text.replace(/&|[^ -~]+/g, run => {
    if (run === '&') return '&-'
    const utf16 = Buffer.from(run, 'utf16le').swap16()
    return `&${utf16.toString('base64').replace(/=+$/, '').replaceAll('/', ',')}-`
  })
}

/** The text, or `undefined` when it is not well-formed modified UTF-7. */
export function decodeModifiedUtf7(encoded: string): string | undefined {
  if (!/^(?:[ -%'-~]|&[A-Za-z0-9+,]*-)*$/.test(encoded)) return undefined
  const text = encoded.replace(/&([^-]*)-/g, (_, base64: string) => {
    if (base64 === '') return '&'
    const bytes = Buffer.from(base64.replaceAll(',', '/'), 'base64')
    return bytes
      .subarray(0, bytes.length & ~1)
      .swap16()
      .toString('utf16le')
  })
  // Only what would be written the same way was written this way.
  return encodeModifiedUtf7(text) === encoded ? text : undefined
}
