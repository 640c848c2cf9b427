import type { LeaseRequest } from '../queue-storage.js'
import { DueHeap, type HeapMember } from './due-heap.js'
import type { QueueSlot } from './queue-slot.js'

/** RFC 5321 §4.5.3.1.8: a server must take 100 recipients in one transaction; more are a risk. */
const mostPerTransaction = 100

/** What is due at one destination; `dueAt` and `order` are those of its first slot. */
interface Lane extends HeapMember {
  readonly destination: string
  readonly slots: DueHeap<QueueSlot>
}

/**
 * Which entries are due: a heap of entries per destination, and a heap of destinations by their first entry.
 * So a lease costs what it takes, and not what waits; destinations at their limit are passed over whole.
 */
export class DueIndex {
  readonly #lanes = new Map<string, Lane>()
  readonly #order = new DueHeap<Lane>()

  nextDue(): number | undefined {
    return this.#order.peek()?.dueAt
  }

  /** Puts a slot in its place by `dueAt`, whether it was in the index or not. */
  put(slot: QueueSlot): void {
    const lane = this.#lane(slot.entry.destination)
    if (slot.position < 0) lane.slots.push(slot)
    else lane.slots.update(slot)
    this.#settleLane(lane)
  }

  remove(slot: QueueSlot): void {
    if (slot.position < 0) return
    const lane = this.#lane(slot.entry.destination)
    lane.slots.remove(slot)
    this.#settleLane(lane)
  }

  /** Takes the slots to lease out of the index, in the order of `dueAt`, those that come along behind their first. */
  takeDue(request: Omit<LeaseRequest, 'expiresAt'>): QueueSlot[] {
    const { now, limit, except, perDestination = Number.POSITIVE_INFINITY } = request
    const taken: QueueSlot[] = []
    const transactions = new Map<Lane, number>()
    const passedOver: Lane[] = []
    for (let total = 0; total < limit; ) {
      const lane = this.#order.peek()
      if (!lane || lane.dueAt > now) break
      const before = transactions.get(lane) ?? 0
      if (before >= perDestination || except?.has(lane.destination)) {
        this.#order.remove(lane)
        passedOver.push(lane)
        continue
      }
      taken.push(...this.#takeTransaction(lane, now))
      transactions.set(lane, before + 1)
      total++
    }
    for (const lane of passedOver) this.#order.push(lane)
    return taken
  }

  #takeTransaction(lane: Lane, now: number): QueueSlot[] {
    const first = lane.slots.peek()
    if (!first) return []
    const transaction = [first]
    lane.slots.remove(first)
    for (const mate of first.mates ?? []) {
      if (transaction.length === mostPerTransaction) break
      if (mate.position < 0 || mate.dueAt > now) continue
      lane.slots.remove(mate)
      transaction.push(mate)
    }
    this.#settleLane(lane)
    return transaction.sort((a, b) => a.dueAt - b.dueAt || a.order - b.order)
  }

  #lane(destination: string): Lane {
    let lane = this.#lanes.get(destination)
    if (!lane) {
      lane = { destination, slots: new DueHeap(), dueAt: 0, order: 0, position: -1 }
      this.#lanes.set(destination, lane)
    }
    return lane
  }

  /** Brings the place of a lane in line with its first slot. */
  #settleLane(lane: Lane): void {
    const first = lane.slots.peek()
    if (!first) {
      if (lane.position >= 0) this.#order.remove(lane)
      this.#lanes.delete(lane.destination)
      return
    }
    lane.dueAt = first.dueAt
    lane.order = first.order
    if (lane.position < 0) this.#order.push(lane)
    else this.#order.update(lane)
  }
}
