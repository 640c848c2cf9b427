/** A row that was put into a table, or removed from it, and what was there before. */
export interface Change {
  readonly table: Table<object>
  readonly key: string
  readonly before: object | undefined
  readonly after: object | undefined
}

/** Rows by their key, in a Map, as a key may be `__proto__`. Rows are replaced and never changed. */
export class Table<Row extends object> {
  readonly #rows = new Map<string, Row>()

  constructor(
    readonly name: string,
    readonly changed: (change: Change) => void,
  ) {}

  get(key: string): Row | undefined {
    return this.#rows.get(key)
  }

  rows(): Row[] {
    return [...this.#rows.values()]
  }

  /** Puts a copy: whoever gave the row may go on changing his own. */
  put(key: string, row: Row): void {
    this.#change(key, structuredClone(row))
  }

  delete(key: string): void {
    this.#change(key, undefined)
  }

  #change(key: string, after: Row | undefined): void {
    this.changed({ table: this, key, before: this.#rows.get(key), after })
    this.restore(key, after)
  }

  /** Sets a row as the file has it, or as it was before. */
  restore(key: string, row: object | null | undefined): void {
    if (row) this.#rows.set(key, row as Row)
    else this.#rows.delete(key)
  }
}
