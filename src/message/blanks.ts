/** Text without spaces and tabs at its ends. Other white space is no blank of a header (RFC 5234, `WSP`). */
export function trimBlanks(text: string): string {
  let start = 0
  while (start < text.length && isBlank(text.charCodeAt(start))) start++
  return trimBlanksAtEnd(text.slice(start))
}

/** Text without spaces and tabs at its end. A loop, because `/[ \t]+$/` takes quadratic time over blanks further in. */
export function trimBlanksAtEnd(text: string): string {
  let end = text.length
  while (end > 0 && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(0, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
