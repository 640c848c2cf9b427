import { LeaseBudget, type LeaseRequest, mostPerTransaction, senderOf } from '../queue-storage.js'
import { DueHeap, type HeapMember } from './due-heap.js'
import type { QueueSlot } from './queue-slot.js'

/** What waits of one sender; `dueAt` and `order` are those of its first lane. */
interface Sender extends HeapMember {
  readonly name: string
  readonly lanes: Map<string, Lane>
  readonly heap: DueHeap<Lane>
}

/** What waits of one sender for one destination; `dueAt` and `order` are those of its first slot. */
interface Lane extends HeapMember {
  readonly sender: Sender
  readonly destination: string
  readonly slots: DueHeap<QueueSlot>
}

/**
 * Which entries are due: a heap of senders by their first lane, of lanes by their first entry, of entries. So a lease
 * costs what it takes, and not what waits; senders and destinations at their limit are passed over whole.
 */
export class DueIndex {
  readonly #senders = new Map<string, Sender>()
  readonly #order = new DueHeap<Sender>()

  nextDue(): number | undefined {
    return this.#order.peek()?.dueAt
  }

  /** Puts a slot in its place by `dueAt`, whether it was in the index or not. */
  put(slot: QueueSlot): void {
    const lane = this.#lane(slot)
    if (slot.position < 0) lane.slots.push(slot)
    else lane.slots.update(slot)
    this.#settleLane(lane)
  }

  remove(slot: QueueSlot): void {
    if (slot.position < 0) return
    const lane = this.#lane(slot)
    lane.slots.remove(slot)
    this.#settleLane(lane)
  }

  /** Takes the slots to lease out of the index, in the order of `dueAt`, those that come along behind their first. */
  takeDue(request: LeaseRequest): QueueSlot[] {
    const { now, limit, exceptSenders, perTransaction = mostPerTransaction } = request
    const taken: QueueSlot[] = []
    const budget = new LeaseBudget(request)
    const senders: Sender[] = []
    const lanes: Lane[] = []
    for (let total = 0; total < limit; ) {
      const sender = this.#order.peek()
      const lane = sender?.heap.peek()
      if (!sender || !lane || lane.dueAt > now) break
      if (exceptSenders?.has(sender.name)) {
        this.#order.remove(sender)
        senders.push(sender)
      } else if (!budget.take(lane.destination)) {
        sender.heap.remove(lane)
        lanes.push(lane)
        this.#settleSender(sender)
      } else {
        taken.push(...this.#takeTransaction(lane, now, perTransaction))
        total++
      }
    }
    for (const sender of senders) this.#order.push(sender)
    for (const lane of lanes) this.#settleLane(lane)
    return taken
  }

  #takeTransaction(lane: Lane, now: number, most: number): QueueSlot[] {
    const first = lane.slots.peek()
    if (!first) return []
    const transaction = [first]
    lane.slots.remove(first)
    for (const mate of first.mates ?? []) {
      if (transaction.length === most) break
      if (mate.position < 0 || mate.dueAt > now) continue
      lane.slots.remove(mate)
      transaction.push(mate)
    }
    this.#settleLane(lane)
    return transaction.sort((a, b) => a.dueAt - b.dueAt || a.order - b.order)
  }

  #lane({ entry }: QueueSlot): Lane {
    const sender = this.#sender(senderOf(entry))
    const { destination } = entry
    let lane = sender.lanes.get(destination)
    if (!lane) {
      lane = { sender, destination, slots: new DueHeap(), ...nowhere }
      sender.lanes.set(destination, lane)
    }
    return lane
  }

  #sender(name: string): Sender {
    let sender = this.#senders.get(name)
    if (!sender) {
      sender = { name, lanes: new Map(), heap: new DueHeap(), ...nowhere }
      this.#senders.set(name, sender)
    }
    return sender
  }

  /** Brings the place of a lane in line with its first slot. */
  #settleLane(lane: Lane): void {
    const { sender } = lane
    settle(sender.heap, lane, lane.slots.peek())
    if (!lane.slots.peek()) sender.lanes.delete(lane.destination)
    this.#settleSender(sender)
  }

  /** Brings the place of a sender in line with its first lane. */
  #settleSender(sender: Sender): void {
    settle(this.#order, sender, sender.heap.peek())
    if (sender.lanes.size === 0) this.#senders.delete(sender.name)
  }
}

const nowhere = { dueAt: 0, order: 0, position: -1 }

/** Moves a member of a heap to the place of the first of what it stands for, or out of the heap when there is nothing. */
function settle<T extends HeapMember>(heap: DueHeap<T>, member: T, first: HeapMember | undefined): void {
  if (!first) {
    if (member.position >= 0) heap.remove(member)
    return
  }
  member.dueAt = first.dueAt
  member.order = first.order
  if (member.position < 0) heap.push(member)
  else heap.update(member)
}
