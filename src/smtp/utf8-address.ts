/** Characters that would not be seen, or end a line: they stay in their escapes. */
const hidden = /[\p{C}\p{Zl}\p{Zp}]/u

/**
 * Encodes an address of the type `utf-8` for places that take ASCII alone (`utf-8-addr-xtext`, RFC 6533 §3): what is not
 * an ASCII graphic, `\`, `+` and `=` become `\x{1F4E8}`. What is in this form already stays as it is.
 */
export function encodeUtf8Address(address: string): string {
  return address.replace(/\\x\{[0-9A-Fa-f]{2,6}\}|[^!-~]|[\\+=]/gu, found => {
    if (found.startsWith('\\x')) return found
    return `\\x{${(found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, '0')}}`
  })
}

/** Reverses {@link encodeUtf8Address}, in an address that may hold UTF-8 besides (`utf-8-addr-unitext`). */
export function decodeUtf8Address(address: string): string {
  return address.replace(/\\x\{([0-9A-Fa-f]{2,6})\}/g, (encoded, hex: string) => {
    const code = Number.parseInt(hex, 16)
    const char = code <= 0x10ffff ? String.fromCodePoint(code) : ''
    return char === '' || hidden.test(char) ? encoded : char
  })
}
