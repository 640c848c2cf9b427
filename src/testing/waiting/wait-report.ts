import { formatDuration } from '../../core/duration.js'
import { escapeControls } from '../../core/escape-controls.js'
import { describeReply } from '../../smtp/reply.js'
import type { QueueEntry } from '../../storage/queue-storage.js'
import type { TestMessage } from '../messages/test-message.js'
import type { RecordedSession } from '../recording/session-log.js'
import type { MessageMatch } from './criteria.js'
import { compareMessage, describeCriteria, type Finding } from './match-message.js'
import type { WaitWorld } from './wait-world.js'

/** What there is to tell of a wait that failed. */
export interface WaitStory {
  readonly match: MessageMatch
  /** Messages, or copies, that were wanted and that came. */
  readonly count: number
  readonly found: readonly TestMessage[]
  /** In milliseconds. */
  readonly waited: number
  /** All that came after the cursor, oldest first. */
  readonly arrived: readonly TestMessage[]
  /** What came before it. */
  readonly before: readonly TestMessage[]
  readonly sessions: readonly RecordedSession[]
  readonly queue: readonly QueueEntry[]
  /** Now, on the clock of the server. */
  readonly now: number
}

/** How much of each kind is told. */
const most = 10

/** Says why a wait failed: what came instead, what nearly fitted, who was refused, what the queue is doing. */
export function tellWait(story: WaitStory): string {
  return [headline(story), arrivals(story), early(story), ...around(story)]
    .filter(part => part !== '')
    .join('\n')
}

function headline({ match, count, found, waited }: WaitStory): string {
  const wanted = describeCriteria(match)
  const time = formatDuration(waited)
  if (count === 1) return `no message came within ${time} with ${wanted}`
  return `${found.length} of ${count} messages came within ${time} with ${wanted}`
}

function arrivals({ match, arrived, found }: WaitStory): string {
  const others = arrived.filter(message => !found.some(each => each.number === message.number))
  if (others.length === 0) return found.length === 0 ? 'Nothing arrived.' : 'Nothing else arrived.'
  const compared = others.map(message => ({ message, misses: missesOf(match, message) }))
  const nearest = Math.min(...compared.map(({ misses }) => misses.length))
  const shown = compared.slice(-most)
  const lines = shown.flatMap(({ message, misses }) => [
    `  ${describeMessage(message)}`,
    ...(misses.length === nearest ? misses.map(missLine) : []),
  ])
  const left = others.length - shown.length
  const title = found.length === 0 ? 'What arrived instead:' : 'What else arrived:'
  return [title, ...(left > 0 ? [`  ${left} before these`] : []), ...lines].join('\n')
}

function missesOf(match: MessageMatch, message: TestMessage): Finding[] {
  return compareMessage(match, message).filter(finding => !finding.fits)
}

function missLine({ field, wanted, got }: Finding): string {
  return `     ${field}: wanted ${wanted}, got ${got}`
}

/** One that came too early is the commonest reason of all. */
function early({ match, before }: WaitStory): string {
  const fitting = before.filter(message => missesOf(match, message).length === 0)
  if (fitting.length === 0) return ''
  const lines = fitting.slice(-most).map(message => `  ${describeMessage(message)}`)
  return ['It fits, but came before the wait was to begin (option "after"):', ...lines].join('\n')
}

/** A message on one line. */
export function describeMessage({ number, sender, recipients, subject }: TestMessage): string {
  const named = recipients.slice(0, 5).join(', ')
  const more = recipients.length > 5 ? ` and ${recipients.length - 5} more` : ''
  return escapeControls(
    `#${number} from <${sender}> to ${named}${more}: ${subject === '' ? 'no subject' : JSON.stringify(subject)}`,
  )
}

/** All that happened on a server, for people. */
export function tellAll(story: Pick<WaitStory, 'arrived' | 'sessions' | 'queue' | 'now'>): string {
  const messages = story.arrived.flatMap(message => [
    describeMessage(message),
    ...message
      .trace()
      .split('\n')
      .map(line => `     ${line}`),
  ])
  return [
    listLines('Arrived:', messages.length === 0 ? ['nothing'] : messages, messages.length),
    ...around(story),
  ]
    .filter(part => part !== '')
    .join('\n')
}

/** Who was refused, who is still there, what waits to be delivered. */
function around({ sessions, queue, now }: Pick<WaitStory, 'sessions' | 'queue' | 'now'>): string[] {
  return [
    listLines('Refused:', sessions.flatMap(refusals)),
    listLines('Still open:', sessions.filter(session => session.busy).map(openSession)),
    listLines(
      'The queue:',
      queue.map(entry => queueLine(entry, now)),
    ),
  ]
}

/** Says what is still under way. */
export async function tellUnrest({ sessions, queue }: WaitWorld, waited: number): Promise<string> {
  const leased = await queue.list({ state: 'leased' })
  return [
    `the server did not come to rest within ${formatDuration(waited)}`,
    listLines('Sessions in which more may come:', sessions.busy.map(openSession)),
    listLines(
      'Deliveries under way:',
      leased.map(({ recipient }) => recipient.address),
    ),
  ]
    .filter(part => part !== '')
    .join('\n')
}

function refusals({ refusals: refused, remoteAddress, ended, error }: RecordedSession): string[] {
  const lines = refused.map(({ command, reply }) => {
    const asked = command === '' ? 'the connection' : command
    return `${remoteAddress}: ${asked} → ${reply.split('\n')[0] ?? ''}`
  })
  const broke = ended === 'error' || ended === 'timeout' || (ended === 'disconnected' && error !== undefined)
  return broke ? [...lines, `${remoteAddress}: the session ended by ${error ?? ended}`] : lines
}

function openSession({ remoteAddress, transcript }: RecordedSession): string {
  const last = transcript.at(-1)
  const said = last ? `${last.from} said ${JSON.stringify(last.text.split('\n')[0])}` : 'nothing was said'
  return `${remoteAddress}: ${said} last`
}

function queueLine({ recipient, state, attempts, history, dueAt }: QueueEntry, now: number): string {
  const due = state === 'waiting' ? `, next attempt in ${formatDuration(Math.max(dueAt - now, 0))}` : ''
  const last = history.at(-1)
  const why = last ? `; ${last.reply ? describeReply(last.reply) : last.reason}` : ''
  return `${recipient.address}: ${state}, ${attempts} attempt${attempts === 1 ? '' : 's'}${due}${why}`
}

function listLines(title: string, lines: readonly string[], limit = most): string {
  if (lines.length === 0) return ''
  const shown = lines.slice(-limit)
  const left = lines.length - shown.length
  return [title, ...(left > 0 ? [`  ${left} before these`] : []), ...shown.map(line => `  ${line}`)].join(
    '\n',
  )
}
