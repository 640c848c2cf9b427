import { formatDuration } from '../../core/duration.js'
import type { TestMessage } from '../messages/test-message.js'
import type { MessageMatch } from './criteria.js'
import { compareMessage, describeCriteria, type Finding } from './match-message.js'
import { describeMessage, most, type ServerStory, tellServer } from './server-report.js'

/** What there is to tell of a wait that failed. */
export interface WaitStory extends ServerStory {
  readonly match: MessageMatch
  /** Messages, or copies, that were wanted and that came. */
  readonly count: number
  readonly per: 'message' | 'recipient'
  readonly found: readonly TestMessage[]
  /** In milliseconds. */
  readonly waited: number
  /** All that came after the cursor, oldest first. */
  readonly arrived: readonly TestMessage[]
  /** What came before it. */
  readonly before: readonly TestMessage[]
}

/**
 * Says why a wait failed: what came instead, what nearly fitted, who was refused, what the queue is doing, and what fake
 * timers hold up.
 */
export function tellWait(story: WaitStory): string {
  return [headline(story), arrivals(story), early(story), ...tellServer(story)]
    .filter(part => part !== '')
    .join('\n')
}

function headline({ match, count, per, found, waited }: WaitStory): string {
  const wanted = describeCriteria(match)
  const time = formatDuration(waited)
  if (count === 1) return `no message came within ${time} with ${wanted}`
  const what = per === 'recipient' ? 'copies' : 'messages'
  return `${found.length} of ${count} ${what} came within ${time} with ${wanted}`
}

function arrivals({ match, arrived, found }: WaitStory): string {
  const others = arrived.filter(message => !found.some(each => each.number === message.number))
  if (others.length === 0) return found.length === 0 ? 'Nothing arrived.' : 'Nothing else arrived.'
  const compared = others.map(message => ({ message, misses: missesOf(match, message) }))
  const nearest = Math.min(...compared.map(({ misses }) => misses.length))
  // The nearest is what the reader looks for, however much came after it.
  const shown = new Set([...compared].reverse().sort(byMisses).slice(0, most))
  const lines = compared
    .filter(each => shown.has(each))
    .flatMap(({ message, misses }) => [
      `  ${describeMessage(message)}`,
      ...(misses.length === nearest ? misses.map(missLine) : []),
    ])
  const left = others.length - shown.size
  const title = found.length === 0 ? 'What arrived instead:' : 'What else arrived:'
  return [title, ...(left > 0 ? [`  ${left} others, which fit no better`] : []), ...lines].join('\n')
}

function byMisses(one: { misses: readonly Finding[] }, other: { misses: readonly Finding[] }): number {
  return one.misses.length - other.misses.length
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
