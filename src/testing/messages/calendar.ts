import type { Attachment } from '../../message/parsed-message.js'

/** A calendar part (`text/calendar`, RFC 5545): an invitation, an answer to one. */
export interface CalendarPart {
  /** `REQUEST`, `REPLY`, `CANCEL` (RFC 5546); absent where the part names none. */
  readonly method?: string
  readonly events: readonly CalendarEvent[]
  /** The part as it is, decoded. */
  readonly source: string
}

/** One VEVENT. Values as they are written; text unescaped. */
export interface CalendarEvent {
  readonly uid?: string
  readonly summary?: string
  readonly description?: string
  readonly location?: string
  /** `20260301T100000Z`, as written. */
  readonly start?: string
  readonly end?: string
  readonly status?: string
  readonly sequence?: number
  /** Address, without `mailto:`. */
  readonly organizer?: string
  /** Addresses, without `mailto:`. */
  readonly attendees: readonly string[]
}

/** The calendar parts among the attachments of a message. */
export function findCalendars(attachments: readonly Attachment[]): CalendarPart[] {
  return attachments
    .filter(({ contentType }) => contentType.toLowerCase() === 'text/calendar')
    .map(({ content }) => readCalendar(Buffer.from(content).toString()))
}

interface Line {
  readonly name: string
  readonly value: string
}

function readCalendar(source: string): CalendarPart {
  const lines = readLines(source)
  const method = lines.find(line => line.name === 'METHOD')?.value
  const events: CalendarEvent[] = []
  let open: Line[] | undefined
  for (const line of lines) {
    if (line.name === 'BEGIN' && line.value === 'VEVENT') open = []
    else if (line.name === 'END' && line.value === 'VEVENT') {
      if (open) events.push(readEvent(open))
      open = undefined
    } else open?.push(line)
  }
  return { ...(method !== undefined && { method }), events, source }
}

/** Content lines (RFC 5545 §3.1): unfolded, parameters left out. */
function readLines(source: string): Line[] {
  const unfolded = source.replace(/\r?\n[ \t]/g, '')
  return unfolded.split(/\r?\n/).flatMap(line => {
    const match = /^([A-Za-z-]+)(?:;(?:"[^"]*"|[^":])*)?:(.*)$/.exec(line)
    return match ? [{ name: (match[1] ?? '').toUpperCase(), value: match[2] ?? '' }] : []
  })
}

function readEvent(lines: readonly Line[]): CalendarEvent {
  const value = (name: string) => lines.find(line => line.name === name)?.value
  const fields = {
    uid: value('UID'),
    summary: unescapeText(value('SUMMARY')),
    description: unescapeText(value('DESCRIPTION')),
    location: unescapeText(value('LOCATION')),
    start: value('DTSTART'),
    end: value('DTEND'),
    status: value('STATUS'),
    sequence: value('SEQUENCE') === undefined ? undefined : Number(value('SEQUENCE')),
    organizer: addressOf(value('ORGANIZER')),
  }
  const known = Object.entries(fields).filter(([, each]) => each !== undefined)
  const attendees = lines.filter(line => line.name === 'ATTENDEE').map(line => addressOf(line.value) ?? '')
  return { ...(Object.fromEntries(known) as Omit<CalendarEvent, 'attendees'>), attendees }
}

function addressOf(value: string | undefined): string | undefined {
  return value?.replace(/^mailto:/i, '')
}

/** RFC 5545 §3.3.11. */
function unescapeText(value: string | undefined): string | undefined {
  return value?.replace(/\\([\\;,Nn])/g, (_, char: string) => (/n/i.test(char) ? '\n' : char))
}
