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
  /** The time zone that `start` is of, where it names one (`TZID`): `Europe/Rome`. */
  readonly startZone?: string
  readonly end?: string
  readonly endZone?: string
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
  /** As written, with the semicolons before them. */
  readonly parameters: string
  readonly value: string
}

function readCalendar(source: string): CalendarPart {
  const lines = readLines(source)
  const method = lines.find(line => line.name === 'METHOD')?.value
  const events: CalendarEvent[] = []
  /** The components that are open, with their own lines: a VEVENT may hold others, such as VALARM (§3.6.1). */
  const open: { readonly kind: string; readonly lines: Line[] }[] = []
  for (const line of lines) {
    if (line.name === 'BEGIN') open.push({ kind: line.value.toUpperCase(), lines: [] })
    else if (line.name === 'END') {
      const component = open.pop()
      if (component?.kind === 'VEVENT') events.push(readEvent(component.lines))
    } else open.at(-1)?.lines.push(line)
  }
  return { ...(method !== undefined && { method }), events, source }
}

/** Content lines (RFC 5545 §3.1), unfolded. */
function readLines(source: string): Line[] {
  const unfolded = source.replace(/\r?\n[ \t]/g, '')
  return unfolded.split(/\r?\n/).flatMap(line => {
    const [, name, parameters = '', value = ''] =
      /^([A-Za-z-]+)((?:;(?:"[^"]*"|[^":])*)?):(.*)$/.exec(line) ?? []
    return name === undefined ? [] : [{ name: name.toUpperCase(), parameters, value }]
  })
}

function readEvent(lines: readonly Line[]): CalendarEvent {
  const line = (name: string) => lines.find(each => each.name === name)
  const value = (name: string) => line(name)?.value
  const fields = {
    uid: value('UID'),
    summary: unescapeText(value('SUMMARY')),
    description: unescapeText(value('DESCRIPTION')),
    location: unescapeText(value('LOCATION')),
    start: value('DTSTART'),
    startZone: zoneOf(line('DTSTART')),
    end: value('DTEND'),
    endZone: zoneOf(line('DTEND')),
    status: value('STATUS'),
    sequence: value('SEQUENCE') === undefined ? undefined : Number(value('SEQUENCE')),
    organizer: addressOf(value('ORGANIZER')),
  }
  const known = Object.entries(fields).filter(([, each]) => each !== undefined)
  const attendees = lines.filter(each => each.name === 'ATTENDEE').map(each => addressOf(each.value) ?? '')
  return { ...(Object.fromEntries(known) as Omit<CalendarEvent, 'attendees'>), attendees }
}

/** RFC 5545 §3.2.19. */
function zoneOf(line: Line | undefined): string | undefined {
  return /;TZID=(?:"([^"]*)"|([^;]*))/i
    .exec(line?.parameters ?? '')
    ?.slice(1)
    .find(Boolean)
}

function addressOf(value: string | undefined): string | undefined {
  return value?.replace(/^mailto:/i, '')
}

/** RFC 5545 §3.3.11. */
function unescapeText(value: string | undefined): string | undefined {
  return value?.replace(/\\([\\;,Nn])/g, (_, char: string) => (/n/i.test(char) ? '\n' : char))
}
