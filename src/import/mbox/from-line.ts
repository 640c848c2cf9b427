/** What a line tells that begins a message: `From ann@example.test Thu Jan  1 00:00:00 2026`. */
export interface FromLine {
  readonly sender: string
  /** Epoch milliseconds; `undefined` when the line has no date that can be read. */
  readonly date: number | undefined
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/**
 * The dates of asctime (RFC 4155, appendix A), with the zones that some programs put before or behind the year, and
 * without the seconds that others leave out.
 */
const dated = new RegExp(
  `(?:^| )(?:${days.join('|')}),? +(${months.join('|')}) +(\\d{1,2}) +(\\d{1,2}):(\\d\\d)(?::(\\d\\d))?` +
    '(?: +([+-]\\d{4}|[A-Z]{2,5}))?(?: +([+-]\\d{4}|[A-Z]{2,5}))? +(\\d{4})(?: +([+-]\\d{4}|[A-Z]{2,5}))?' +
    '(?: remote from .*)?\\s*$',
)

/** Reads a line that begins with `From `. */
export function parseFromLine(line: string): FromLine {
  const text = line.slice('From '.length)
  const match = dated.exec(text)
  if (!match) return { sender: text.trim(), date: undefined }
  const [, month = '', day, hour, minute, second = '0', zone1, zone2, year, zone3] = match
  const date = [Number(day), Number(hour), Number(minute), Number(second)] as const
  const zone = [zone1, zone2, zone3].find(name => name !== undefined && /^[+-]/.test(name))
  return {
    sender: text.slice(0, match.index).trim(),
    date: Date.UTC(Number(year), months.indexOf(month), ...date) - zoneOffset(zone),
  }
}

/** Milliseconds by which the clocks of a zone are ahead of UTC. Names of zones say nothing reliable, and count as UTC. */
function zoneOffset(zone = '+0000'): number {
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3, 5))
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000
}

const firstDate = Date.UTC(1000, 0, 1)
const lastDate = Date.UTC(9999, 11, 31, 23, 59, 59)

/**
 * The line that begins a message, with its LF. The date is in UTC, to the second (RFC 4155). A sender that is no single
 * word of ASCII gives way to `MAILER-DAEMON`, as does the null sender.
 */
export function formatFromLine(sender: string, date: number): string {
  const at = new Date(Math.min(Math.max(date, firstDate), lastDate))
  const two = (value: number) => String(value).padStart(2, '0')
  const time = [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()].map(two).join(':')
  const day = `${days[at.getUTCDay()]} ${months[at.getUTCMonth()]} ${String(at.getUTCDate()).padStart(2)}`
  const word = /^[!-~]{1,512}$/.test(sender) ? sender : 'MAILER-DAEMON'
  return `From ${word} ${day} ${time} ${at.getUTCFullYear()}\n`
}
