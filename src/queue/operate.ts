import { MailError } from '../core/error.js'
import type { QueueEntry, QueueState } from '../storage/queue-storage.js'
import { droppedRecords } from './operation/ended-recipients.js'
import { callStorage, type QueueContext } from './queue-context.js'

/** One id or several. */
export type Ids = string | readonly string[]

/** What an operator does to entries; each resolves to the ids it concerned. */
export interface Operations {
  hold(ids: Ids): Promise<string[]>
  release(ids: Ids): Promise<string[]>
  retryNow(ids: Ids): Promise<string[]>
  drop(ids: Ids): Promise<string[]>
}

/** The operator's side of the queue. */
export function createOperations(context: QueueContext): Operations {
  const { storage, clock } = context.settings
  const { events, logger } = context

  /** Applies `change` to those of the entries that are in one of the states, and tells of each that was concerned. */
  async function operate(
    what: string,
    ids: Ids,
    states: readonly QueueState[],
    change: (ids: string[], entries: QueueEntry[]) => Promise<string[]>,
    tell: (entry: QueueEntry) => void,
  ): Promise<string[]> {
    const names = readIds(what, ids)
    return callStorage(what, async () => {
      const found = await Promise.all(names.map(id => storage.queue.get(id)))
      const entries = found.filter(entry => entry !== undefined).filter(({ state }) => states.includes(state))
      const byId = new Map(entries.map(entry => [entry.id, entry]))
      const concerned = await change([...byId.keys()], entries)
      for (const id of concerned) {
        const entry = byId.get(id)
        if (!entry) continue
        logger.info({ traceId: entry.traceId, entry: id }, what)
        tell(entry)
      }
      return concerned
    })
  }

  const releaseNow = (ids: string[]) => storage.queue.release(ids, clock.now())
  const released = ({ traceId, id }: QueueEntry) => events.emit('entry:released', { traceId, entry: id })
  return {
    hold: ids =>
      operate(
        'hold',
        ids,
        ['waiting', 'leased', 'held'],
        names => storage.queue.hold(names),
        ({ traceId, id }) => events.emit('entry:held', { traceId, entry: id }),
      ),
    // A leased entry that is to be held after its attempt is released from that.
    release: ids => operate('release', ids, ['held', 'dead', 'leased'], releaseNow, released),
    retryNow: ids => operate('retryNow', ids, ['waiting'], releaseNow, released),
    drop: ids =>
      operate(
        'drop',
        ids,
        ['waiting', 'leased', 'held', 'dead'],
        (names, entries) => storage.queue.drop(names, droppedRecords(context, entries)),
        ({ traceId, id, recipient }) =>
          events.emit('entry:dropped', { traceId, entry: id, recipient: recipient.address }),
      ),
  }
}

function readIds(what: string, ids: Ids): string[] {
  const names = typeof ids === 'string' ? [ids] : ids
  if (Array.isArray(names) && names.every(id => typeof id === 'string')) return [...names]
  throw new MailError('OPTION_INVALID', `${what}: ids: expected the id of an entry, or a list of ids`)
}
