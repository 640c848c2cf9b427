/** A row that was put into a table, or removed from it. */
export type Change = readonly [table: string, key: string, row: object | null]

/**
 * Rows by their key, in a Map, as a key may be `__proto__`; also by a group where there is one. Rows are replaced and
 * never changed.
 */
export class Table<Row extends object> {
  readonly #name: string
  readonly #changed: (change: Change, undo: () => void) => void
  readonly #groupOf: (row: Row) => string
  readonly #rows = new Map<string, Row>()
  readonly #groups = new Map<string, Map<string, Row>>()

  /** `changed` hears of each change, and how to take it back. */
  constructor(
    name: string,
    changed: (change: Change, undo: () => void) => void,
    groupOf: (row: Row) => string = () => '',
  ) {
    this.#name = name
    this.#changed = changed
    this.#groupOf = groupOf
  }

  get size(): number {
    return this.#rows.size
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key)
  }

  /** All rows, or those of a group, in no certain order. */
  rows(group?: string): IterableIterator<Row> {
    const rows = group === undefined ? this.#rows : this.#groups.get(group)
    return (rows ?? new Map<string, Row>()).values()
  }

  /** Names of the groups that have a row. */
  groups(): IterableIterator<string> {
    return this.#groups.keys()
  }

  put(key: string, row: Row): void {
    const before = this.#rows.get(key)
    this.#set(key, row)
    this.#changed([this.#name, key, row], () => this.#set(key, before))
  }

  delete(key: string): void {
    const before = this.#rows.get(key)
    if (before === undefined) return
    this.#set(key, undefined)
    this.#changed([this.#name, key, null], () => this.#set(key, before))
  }

  /** Takes a change from the file. */
  load(key: string, row: object | null): void {
    this.#set(key, (row as Row | null) ?? undefined)
  }

  /** The changes that make the table as it is. */
  dump(): Change[] {
    return [...this.#rows].map(([key, row]) => [this.#name, key, row])
  }

  #set(key: string, row: Row | undefined): void {
    const before = this.#rows.get(key)
    if (before !== undefined) this.#leaveGroup(key, this.#groupOf(before))
    if (row === undefined) {
      this.#rows.delete(key)
      return
    }
    this.#rows.set(key, row)
    const name = this.#groupOf(row)
    const group = this.#groups.get(name) ?? new Map<string, Row>()
    this.#groups.set(name, group.set(key, row))
  }

  #leaveGroup(key: string, name: string): void {
    const group = this.#groups.get(name)
    group?.delete(key)
    if (group?.size === 0) this.#groups.delete(name)
  }
}
