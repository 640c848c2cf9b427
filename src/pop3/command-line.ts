import { isUtf8 } from 'node:buffer'

/** A command of a client. */
export interface CommandLine {
  /** In capitals. */
  readonly verb: string
  /** What follows the verb and one space, as sent; `''` for nothing. */
  readonly argument: string
}

/** Octets of a command with its CRLF (RFC 2449 §4). */
const longestCommand = 255
const lineBreak = 2

/**
 * Reads a command line, or says why it is none. AUTH alone may be longer, for clients that send a long initial
 * response in spite of RFC 5034 §4.
 */
export function parseCommandLine(line: Buffer): CommandLine | 'malformed' | 'too long' {
  if (!isUtf8(line)) return 'malformed'
  const text = line.toString()
  if (/[\u0000-\u001f\u007f]/.test(text)) return 'malformed'
  const space = text.indexOf(' ')
  const verb = (space < 0 ? text : text.slice(0, space)).toUpperCase()
  if (line.length > longestCommand - lineBreak && verb !== 'AUTH') return 'too long'
  return { verb, argument: space < 0 ? '' : text.slice(space + 1) }
}
