/** What a {@link DueHeap} orders. */
export interface HeapMember {
  /** Epoch milliseconds; the heap is told of changes by {@link DueHeap.update}. */
  dueAt: number
  /** Decides between equals. */
  order: number
  /** Where it is in the heap; -1 outside. Written by the heap. */
  position: number
}

/** A binary heap, the earliest on top, whose members know their place and so can be moved and removed. */
export class DueHeap<T extends HeapMember> {
  readonly #members: T[] = []

  peek(): T | undefined {
    return this.#members[0]
  }

  push(member: T): void {
    this.#members.push(member)
    member.position = this.#members.length - 1
    this.#rise(member)
  }

  /** Puts a member in its place after its `dueAt` changed. */
  update(member: T): void {
    this.#rise(member)
    this.#sink(member)
  }

  remove(member: T): void {
    const last = this.#members.pop()
    if (last !== undefined && last !== member) {
      this.#place(last, member.position)
      this.update(last)
    }
    member.position = -1
  }

  #rise(member: T): void {
    let position = member.position
    while (position > 0) {
      const above = this.#members[(position - 1) >> 1]
      if (above === undefined || !isBefore(member, above)) break
      this.#place(above, position)
      position = (position - 1) >> 1
    }
    this.#place(member, position)
  }

  #sink(member: T): void {
    let position = member.position
    for (;;) {
      const left = this.#members[position * 2 + 1]
      const right = this.#members[position * 2 + 2]
      const child = right !== undefined && left !== undefined && isBefore(right, left) ? right : left
      if (child === undefined || !isBefore(child, member)) break
      const free = child.position
      this.#place(child, position)
      position = free
    }
    this.#place(member, position)
  }

  #place(member: T, position: number): void {
    this.#members[position] = member
    member.position = position
  }
}

function isBefore(a: HeapMember, b: HeapMember): boolean {
  return a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.order < b.order)
}
