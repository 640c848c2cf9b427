import {
  LeaseBudget,
  type LeaseRequest,
  mostPerTransaction,
  type QueueEntry,
  senderOf,
} from './queue-storage.js'

/**
 * The entries that a lease takes, in the order of `dueAt`, those that come along behind the first of their transaction. It looks
 * at all entries; a driver that has an index comes to the same.
 * @param messageOf - tells entries of one message from those of others.
 */
export function chooseDue<Entry extends QueueEntry>(
  entries: Iterable<Entry>,
  request: LeaseRequest,
  messageOf: (entry: Entry) => unknown,
): Entry[] {
  const { now, limit, exceptSenders, perTransaction = mostPerTransaction } = request
  const budget = new LeaseBudget(request)
  const due = [...entries]
    .filter(({ state, dueAt }) => (state === 'waiting' || state === 'leased') && dueAt <= now)
    .sort((a, b) => a.dueAt - b.dueAt)
  const chosen = new Set<Entry>()
  let transactions = 0
  for (const first of due) {
    if (transactions >= limit) break
    if (chosen.has(first) || exceptSenders?.has(senderOf(first)) || !budget.take(first.destination)) continue
    const isMate = (entry: Entry) =>
      entry.destination === first.destination && messageOf(entry) === messageOf(first)
    const together = due.filter(entry => isMate(entry) && !chosen.has(entry)).slice(0, perTransaction)
    for (const entry of together) chosen.add(entry)
    transactions++
  }
  return [...chosen]
}
