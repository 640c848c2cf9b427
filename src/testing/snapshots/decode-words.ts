/** The encoded words of a field (RFC 2047), decoded; one in a character set that is not known stays. */
export function decodeWords(value: string): string {
  return (
    value
      // Blanks between two encoded words are not shown (§6.2), and a character may be split between them.
      .replace(/(\?=)[ \t]+(?==\?)/g, '$1')
      .replace(/(?:=\?[^?\s]{1,40}\?[bq]\?[^?\s]{0,998}\?=)+/gi, decodeRun)
  )
}

interface Word {
  readonly charset: string
  readonly octets: Buffer
}

function decodeRun(run: string): string {
  const words = [...run.matchAll(/=\?([^?*]+)(?:\*[^?]*)?\?([bq])\?([^?]*)\?=/gi)].map(readWord)
  const joined: Word[] = []
  for (const { charset, octets } of words) {
    const last = joined.at(-1)
    if (last?.charset !== charset) joined.push({ charset, octets })
    else joined[joined.length - 1] = { charset, octets: Buffer.concat([last.octets, octets]) }
  }
  try {
    return joined.map(({ charset, octets }) => new TextDecoder(charset).decode(octets)).join('')
  } catch {
    return run
  }
}

function readWord([, charset = '', encoding = '', text = '']: RegExpMatchArray): Word {
  const octets =
    encoding.toLowerCase() === 'b'
      ? Buffer.from(text, 'base64')
      : Buffer.from(
          text
            .replaceAll('_', ' ')
            .replace(/=([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
          'latin1',
        )
  return { charset: charset.toLowerCase(), octets }
}
