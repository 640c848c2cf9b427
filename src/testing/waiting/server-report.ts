import { formatDuration } from '../../core/duration.js'
import { escapeControls } from '../../core/escape-controls.js'
import { describeFakeTimers } from '../../core/fake-timers.js'
import { describeReply } from '../../smtp/reply.js'
import type { QueueEntry } from '../../storage/queue-storage.js'
import type { TestMessage } from '../messages/test-message.js'
import type { RecordedSession } from '../recording/session-log.js'
import type { WaitWorld } from './wait-world.js'

/** What goes on at a server. */
export interface ServerStory {
  readonly sessions: readonly RecordedSession[]
  readonly queue: readonly QueueEntry[]
  /** Whether the queue begins no attempts. */
  readonly paused: boolean
  /** Now, on the clock of the server. */
  readonly now: number
}

/** How much of each kind is told. */
export const most = 10

/** A message on one line. */
export function describeMessage({ number, sender, recipients, subject }: TestMessage): string {
  const named = recipients.slice(0, 5).join(', ')
  const more = recipients.length > 5 ? ` and ${recipients.length - 5} more` : ''
  return escapeControls(
    `#${number} from <${sender}> to ${named}${more}: ${subject === '' ? 'no subject' : JSON.stringify(subject)}`,
  )
}

/** All that happened on a server, for people. */
export function tellAll(story: ServerStory & { readonly arrived: readonly TestMessage[] }): string {
  const messages = story.arrived.flatMap(message => [
    describeMessage(message),
    ...message
      .trace()
      .split('\n')
      .map(line => `     ${line}`),
  ])
  return [
    listLines('Arrived:', messages.length === 0 ? ['nothing'] : messages, messages.length),
    ...tellServer(story),
  ]
    .filter(part => part !== '')
    .join('\n')
}

/** Who was refused, who is still there, what waits to be delivered, and what fake timers hold up. */
export function tellServer({ sessions, queue, paused, now }: ServerStory): string[] {
  return [
    listLines('Refused:', sessions.flatMap(refusals)),
    listLines('Still open:', sessions.filter(session => session.busy).map(openSession)),
    listLines(
      paused ? 'The queue, which is paused:' : 'The queue:',
      queue.map(entry => queueLine(entry, now)),
    ),
    tellFakes(),
  ]
}

/** Says what is still under way. */
export async function tellUnrest({ sessions, queue, clock }: WaitWorld, waited: number): Promise<string> {
  const leased = await queue.list({ state: 'leased' })
  const waiting = queue.paused ? await queue.list({ state: 'waiting' }) : []
  const due = waiting.filter(({ dueAt }) => dueAt <= clock.now())
  return [
    `the server did not come to rest within ${formatDuration(waited)}`,
    listLines('Sessions in which more may come:', sessions.busy.map(openSession)),
    listLines('Deliveries under way:', leased.map(recipientOf)),
    listLines('Deliveries that are due, in a queue that is paused:', due.map(recipientOf)),
    tellFakes(),
  ]
    .filter(part => part !== '')
    .join('\n')
}

function recipientOf({ recipient }: QueueEntry): string {
  return recipient.address
}

function tellFakes(): string {
  const fakes = describeFakeTimers()
  return fakes === undefined ? '' : `Mind that ${fakes}`
}

function refusals(session: RecordedSession): string[] {
  const { refusals: refused, remoteAddress } = session
  const lines = refused.map(({ command, reply }) => {
    const asked = command === '' ? 'the connection' : command
    return `${remoteAddress}: ${asked} → ${reply.split('\n')[0] ?? ''}`
  })
  const end = endOf(session)
  return end === undefined ? lines : [...lines, `${remoteAddress}: the session ended ${end}`]
}

/** How a session ended that was cut short. */
function endOf({ ended, error, encrypting }: RecordedSession): string | undefined {
  if (ended !== undefined && encrypting) {
    const why = error === undefined ? '' : ` (${error})`
    return `in the TLS handshake${why}; a client that does not trust the certificate needs mail.tls.ca, or a test mail with tls: false`
  }
  const broke = ended === 'error' || ended === 'timeout' || (ended === 'disconnected' && error !== undefined)
  return broke ? `by ${error ?? ended}` : undefined
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
