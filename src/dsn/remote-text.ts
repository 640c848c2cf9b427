/** Of what others said, in characters. */
const longestText = 1_000
/** A longer word is broken so, that no line gets longer than mail allows: 998 octets (RFC 5322 §2.1.1). */
const piecesOfWord = /.{1,200}/gu
/** In octets. One of 254 has up to 762 in the escapes of RFC 6533 §3, and a line has place for the name of its field. */
const longestAddress = 900

/**
 * What somebody else wrote, on one line and of bounded length: control and format characters are blanks, so that it
 * cannot begin a line, a field or a part of its own, nor turn the text around it.
 */
export function remoteText(text: string): string {
  return boundedText(text, 200)
}

/** {@link remoteText} that leaves an address whole, with its type or without. */
export function addressText(text: string): string {
  return boundedText(text, longestAddress)
}

function boundedText(text: string, longestWord: number): string {
  const words = text
    .slice(0, 4 * longestText)
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .trim()
    .split(' ')
    .flatMap(word => (Buffer.byteLength(word) <= longestWord ? word : (word.match(piecesOfWord) ?? [])))
  const line = words.join(' ')
  return line.length > longestText ? `${line.slice(0, longestText)} [...]` : line
}

/** Text whose characters beyond ASCII are question marks, for places that take no others. */
export function asciiText(text: string): string {
  return text.replace(/[^\u0000-\u007f]+/g, '?')
}

/** Whether a text is ASCII alone. */
export function isAscii(text: string): boolean {
  return /^[\u0000-\u007f]*$/.test(text)
}

/** Lines of at most 72 columns with `indent` before each, where there are blanks to break at. */
export function wrapText(text: string, indent = ''): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > 72) {
      lines.push(indent + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, indent + line]
}
