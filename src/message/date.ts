const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** The years that RFC 5322 §3.3 can write: 1900 and later, and as far as four digits go. */
const earliest = Date.UTC(1900, 0, 1)
const latest = Date.UTC(9999, 11, 31, 23, 59, 59)

/**
 * An instant as header fields write it (RFC 5322 §3.3), in UTC: `Thu, 1 Jan 2026 00:00:00 +0000`. Milliseconds are
 * cut off. An instant that no date field can name becomes the nearest that one can; `NaN` becomes the epoch.
 */
export function formatDate(epochMs: number): string {
  const second = Math.floor(Number.isNaN(epochMs) ? 0 : Math.min(Math.max(epochMs, earliest), latest) / 1_000)
  if (second !== written.second) written = { second, text: writeDate(new Date(second * 1_000)) }
  return written.text
}

/** The last one: a busy server writes the same second many times. */
let written = { second: 0, text: 'Thu, 1 Jan 1970 00:00:00 +0000' }

function writeDate(date: Date): string {
  const day = `${days[date.getUTCDay()]}, ${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}`
  const hours = twoDigits(date.getUTCHours())
  return `${day} ${hours}:${twoDigits(date.getUTCMinutes())}:${twoDigits(date.getUTCSeconds())} +0000`
}

function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : String(value)
}
