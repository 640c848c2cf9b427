import type { QueueSlot } from './queue-slot.js'

/** All entries of the queue by id, which is the order they were queued in. */
export class SlotList {
  readonly #byId = new Map<string, QueueSlot>()
  /** Ascending by id; removed ones stay until half of it is removed. */
  #ordered: QueueSlot[] = []

  get(id: string): QueueSlot | undefined {
    return this.#byId.get(id)
  }

  /** Appends a slot whose id is higher than all before. */
  append(slot: QueueSlot): void {
    this.#byId.set(slot.entry.id, slot)
    this.#ordered.push(slot)
  }

  remove(slot: QueueSlot): void {
    slot.removed = true
    this.#byId.delete(slot.entry.id)
    if (this.#ordered.length > 64 && this.#ordered.length > this.#byId.size * 2) {
      this.#ordered = this.#ordered.filter(kept => !kept.removed)
    }
  }

  /** Slots with an id after `id`, ascending. */
  *after(id: string): Generator<QueueSlot> {
    for (let index = this.#indexAfter(id); index < this.#ordered.length; index++) {
      const slot = this.#ordered[index]
      if (slot && !slot.removed) yield slot
    }
  }

  #indexAfter(id: string): number {
    let low = 0
    let high = this.#ordered.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#ordered[middle]?.entry.id ?? '') <= id) low = middle + 1
      else high = middle
    }
    return low
  }
}
