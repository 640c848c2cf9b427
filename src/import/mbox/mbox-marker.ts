/**
 * What the other fields of an mbox cannot tell of a message, and an import must know to have it back octet for octet.
 * Written as a field above those of the message: `X-Posthorn-Mbox: date=1767225600123; size=812; lines=crlf; end=break`.
 */
export interface MboxMarker {
  /** Epoch milliseconds. */
  readonly date: number
  /** Octets of the message. */
  readonly size: number
  /** `crlf` when each LF stands for a CRLF, `exact` when the octets are those of the message. */
  readonly lines: 'crlf' | 'exact'
  /** `none` when the last line has a line break in the file only. */
  readonly end: 'break' | 'none'
}

/** The field's name, in lower case. */
export const markerName = 'x-posthorn-mbox'

/** The field, with its LF. */
export function formatMarker({ date, size, lines, end }: MboxMarker): string {
  return `X-Posthorn-Mbox: date=${date}; size=${size}; lines=${lines}; end=${end}\n`
}

/** Reads the field's value; `undefined` when it is not one of ours. */
export function parseMarker(value: string): MboxMarker | undefined {
  const match = /^\s*date=(-?\d{1,16}); size=(\d{1,15}); lines=(crlf|exact); end=(break|none)\s*$/.exec(value)
  if (!match) return undefined
  return {
    date: Number(match[1]),
    size: Number(match[2]),
    lines: match[3] === 'exact' ? 'exact' : 'crlf',
    end: match[4] === 'none' ? 'none' : 'break',
  }
}
