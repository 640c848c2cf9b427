import type {
  AttemptRecord,
  QueuedMessage,
  QueuedRecipient,
  QueueEntry,
  QueueState,
} from '../queue-storage.js'
import type { HeapMember } from './due-heap.js'
import { frozenCopy } from './frozen-copy.js'

/** An entry of the queue with what the storage alone knows of it. */
export interface QueueSlot extends HeapMember {
  /** What readers see; replaced, never changed. */
  entry: QueueEntry
  /** Of the lease, while it is leased. */
  token: string | undefined
  /** When it was due before it was leased. */
  dueBefore: number
  /** Recipients of the same message at the same destination, itself included; absent when it is alone. */
  mates: Set<QueueSlot> | undefined
  removed: boolean
}

const noAttempts: readonly AttemptRecord[] = Object.freeze([])

/** Slots for a message's recipients, not in the queue yet: without ids, and without the blob they will refer to. */
export function newSlots(message: QueuedMessage, queuedAt: number): QueueSlot[] {
  const shared = {
    traceId: message.traceId,
    blob: '',
    size: 0,
    envelope: frozenCopy(message.envelope),
    ...(message.submitter !== undefined && { submitter: message.submitter }),
    queuedAt,
    attempts: 0,
    history: noAttempts,
    warned: false,
  }
  const slots = message.recipients.map(recipient => newSlot({ ...shared, ...recipientFields(recipient) }))
  return groupMates(slots)
}

function recipientFields({ destination, dueAt, held, ...recipient }: QueuedRecipient) {
  const state: QueueState = held ? 'held' : 'waiting'
  return { recipient: frozenCopy(recipient), destination, dueAt, state }
}

function newSlot(entry: Omit<QueueEntry, 'id'>): QueueSlot {
  return {
    entry: { ...entry, id: '' },
    dueAt: entry.dueAt,
    dueBefore: entry.dueAt,
    order: 0,
    position: -1,
    token: undefined,
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
