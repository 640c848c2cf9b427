/** The columns a line of a header should not go beyond (RFC 5322 §2.1.1), its line break left out. */
const columns = 78

/**
 * A header field, folded to 78 columns where it has blanks to fold at (RFC 5322 §2.2.3), CRLF included. Control
 * characters become blanks, so neither name nor value can begin a field of its own; a word that is longer than a
 * line stays whole.
 */
export function formatField(name: string, value: string): string {
  const words = value.replace(/[\u0000-\u0020\u007f-\u009f\u2028\u2029]+/g, ' ').split(' ')
  return foldTokens(
    `${name.replace(/[^!-9;-~]/g, '')}:`,
    words.filter(word => word !== ''),
  )
}

/** Joins `tokens`, each of which stays on one line, with blanks or folds. */
export function foldTokens(start: string, tokens: readonly string[]): string {
  let field = start
  let column = start.length
  for (const token of tokens) {
    const width = 1 + token.length
    // The first token stays beside the name: a line of nothing but the name confuses many readers.
    const folded = column + width > columns && column > start.length
    field += folded ? `\r\n\t${token}` : ` ${token}`
    column = folded ? width : column + width
  }
  return `${field}\r\n`
}
