import type { DeliveryQueueEvents } from '../../queue/events.js'
import type { QueueEntry, QueueFilter } from '../../storage/queue-storage.js'
import type { RecordedSession } from '../recording/session-log.js'
import type { WaitWorld } from '../waiting/wait-world.js'
import { concerns, tenantParent } from './tenant.js'

/** The world as a tenant waits in it: what others have under way is not waited for, and told of to nobody. */
export function tenantWorld(world: WaitWorld, domain: string): WaitWorld {
  const { log, sessions, queue } = world
  const isOurs = mayConcern(domain)
  const list = async (filter: QueueFilter = {}) => {
    const ours: QueueEntry[] = []
    for (let page = await queue.list(filter); ; ) {
      ours.push(...page.filter(entryConcerns(domain)))
      const last = page.at(-1)
      if (last === undefined) return ours
      page = await queue.list({ ...filter, after: last.id })
    }
  }
  return {
    ...world,
    log: {
      get last() {
        return log.last
      },
      after: number => log.after(number),
      onArrival: listener => log.onArrival(arrival => concerns(domain)(arrival) && listener(arrival)),
    },
    sessions: {
      get sessions() {
        return sessions.sessions.flatMap(session => sessionOf(domain, session))
      },
      get busy() {
        return sessions.busy.filter(isOurs)
      },
      onChange: listener => sessions.onChange(session => isOurs(session) && listener(session)),
    },
    queue: {
      list,
      on: queue.on.bind(queue),
      idle: () => restOfOurs(world, list),
      get paused() {
        return queue.paused
      },
    },
  }
}

/**
 * Whether mail of a tenant may come of a session: it has named the tenant, or nobody who tells whose it is. A client that
 * has not said for whom it came may come for anybody.
 */
function mayConcern(domain: string): (session: RecordedSession) => boolean {
  return ({ user = '', domains, addressed }) => {
    const userDomain = user.slice(user.lastIndexOf('@') + 1).toLowerCase()
    if (userDomain === domain || domains.has(domain)) return true
    return !addressed && ![userDomain, ...domains].some(name => name.endsWith(tenantParent))
  }
}

/** A session as one tenant is told of it, unless it is another's: one connection may bring the mail of many. */
function sessionOf(domain: string, session: RecordedSession): RecordedSession[] {
  const refusals = session.refusals.filter(({ command }) => !namesAnother(domain, command))
  const named = refusals.some(({ command }) => command.toLowerCase().includes(domain))
  return named || mayConcern(domain)(session) ? [{ ...session, refusals }] : []
}

function namesAnother(domain: string, command: string): boolean {
  const names: readonly string[] = command.toLowerCase().match(/@[^\s>]+/g) ?? []
  return names.some(name => name.endsWith(tenantParent)) && !names.includes(`@${domain}`)
}

function entryConcerns(domain: string): (entry: QueueEntry) => boolean {
  const end = `@${domain}`
  return ({ envelope: { sender }, recipient: { address }, submitter = '' }) =>
    [sender, address, submitter].some(each => each.toLowerCase().endsWith(end))
}

/** What may end an attempt, or begin another. */
const turningPoints: readonly (keyof DeliveryQueueEvents)[] = [
  'recipient:delivered',
  'recipient:deferred',
  'recipient:failed',
  'recipient:unknown',
  'entry:held',
  'entry:dropped',
  'entry:dead',
]

/** Resolves once no delivery of a tenant is due or under way, or no delivery at all. */
async function restOfOurs(
  { queue, clock }: WaitWorld,
  list: (filter: QueueFilter) => Promise<QueueEntry[]>,
): Promise<void> {
  let rests = false
  let wake = () => {}
  const whole = queue.idle().then(() => {
    rests = true
    wake()
  })
  const stops = turningPoints.map(event => queue.on(event, () => wake()))
  try {
    while (!rests) {
      const news = new Promise<void>(resolve => {
        wake = resolve
      })
      const [leased, waiting] = await Promise.all([list({ state: 'leased' }), list({ state: 'waiting' })])
      if (leased.length === 0 && !waiting.some(({ dueAt }) => dueAt <= clock.now())) return
      await Promise.race([news, whole])
    }
  } finally {
    for (const stop of stops) stop()
  }
}
