import type { Lease } from '../entry-standing.js'
import { type AttemptRecord, newQueueEntries, type QueuedMessage, type QueueEntry } from '../queue-storage.js'
import type { HeapMember } from './due-heap.js'
import { frozenCopy } from './frozen-copy.js'

/** An entry of the queue with what the storage alone knows of it. */
export interface QueueSlot extends HeapMember {
  /** What readers see; replaced, never changed. */
  entry: QueueEntry
  /** While it is leased. */
  lease: Lease | undefined
  /** Recipients of the same message at the same destination, itself included; absent when it is alone. */
  mates: Set<QueueSlot> | undefined
  removed: boolean
}

const noAttempts: readonly AttemptRecord[] = Object.freeze([])

/** Slots for a message's recipients, not in the queue yet: without ids, and without the blob they will refer to. */
export function newSlots(message: QueuedMessage, queuedAt: number): QueueSlot[] {
  const envelope = frozenCopy(message.envelope)
  const slots = newQueueEntries(message, queuedAt).map(entry => {
    const recipient = frozenCopy(entry.recipient)
    return newSlot({ ...entry, envelope, recipient, history: noAttempts, blob: '', size: 0 })
  })
  return groupMates(slots)
}

function newSlot(entry: Omit<QueueEntry, 'id'>): QueueSlot {
  return {
    entry: { ...entry, id: '' },
    dueAt: entry.dueAt,
    order: 0,
    position: -1,
    lease: undefined,
    mates: undefined,
    removed: false,
  }
}

/** Lets recipients of one message at one destination know of each other. */
function groupMates(slots: QueueSlot[]): QueueSlot[] {
  if (slots.length < 2) return slots
  const groups = new Map<string, Set<QueueSlot>>()
  for (const slot of slots) {
    const group = groups.get(slot.entry.destination) ?? new Set()
    slot.mates = group.add(slot)
    groups.set(slot.entry.destination, group)
  }
  return slots
}
