import type { Reply } from '../../core/reply.js'

/** What a server offers (RFC 5321 §4.1.1.1): keywords in upper case → their parameters. */
export type Extensions = ReadonlyMap<string, string>

/** Nothing, as of a server that only knows HELO. */
export const noExtensions: Extensions = new Map()

/** Reads the reply to EHLO: the first line greets, each further one names an extension. */
export function readExtensions(reply: Reply): Extensions {
  const lines = typeof reply.text === 'string' ? [] : reply.text.slice(1)
  const extensions = new Map<string, string>()
  for (const line of lines) {
    const [keyword = '', ...parameters] = line.trim().split(/ +/)
    if (keyword !== '') extensions.set(keyword.toUpperCase(), parameters.join(' '))
  }
  return extensions
}

/** The largest message the server says it takes, in octets (RFC 1870 §4), or `undefined` when it names no limit. */
export function sizeLimit(extensions: Extensions): number | undefined {
  const parameter = extensions.get('SIZE') ?? ''
  return /^\d{1,20}$/.test(parameter) ? Number(parameter) || undefined : undefined
}
