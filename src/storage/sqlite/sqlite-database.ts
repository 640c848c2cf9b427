/** What a column holds or a parameter gives. */
export type SqlValue = string | number | null | Uint8Array

/** The few methods of a prepared statement that are called; `node:sqlite` and `better-sqlite3` both have them. */
export interface SqliteStatement {
  run(...values: SqlValue[]): unknown
  get(...values: SqlValue[]): unknown
  all(...values: SqlValue[]): unknown[]
  /** Gives rows as arrays from now on: `better-sqlite3`. */
  raw?(on: boolean): unknown
  /** The same in `node:sqlite`, from Node 22.16 and 24.0 on. */
  setReturnArrays?(on: boolean): void
}

/** The few methods of a database that are called; `node:sqlite` and `better-sqlite3` both have them. */
export interface SqliteDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
  close(): unknown
}

/** Opens the database file at a path, making it when it does not exist. */
export type OpenDatabase = (path: string) => SqliteDatabase

/** Prepared statements of a database by their text, each prepared once. */
export class Statements {
  readonly #database: SqliteDatabase
  readonly #prepared = new Map<string, SqliteStatement>()
  readonly #arrays = new Map<string, (values: SqlValue[]) => unknown[]>()

  constructor(database: SqliteDatabase) {
    this.#database = database
  }

  /** For statements that give no rows. */
  run(sql: string, ...values: SqlValue[]): void {
    this.#statement(sql).run(...values)
  }

  /** The first row, or `undefined`. */
  get<Row>(sql: string, ...values: SqlValue[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined
  }

  all<Row>(sql: string, ...values: SqlValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[]
  }

  /** Rows as arrays, columns in their order: for many rows, as an object with names takes twice as long to make. */
  rows<Row extends readonly SqlValue[]>(sql: string, ...values: SqlValue[]): Row[] {
    let all = this.#arrays.get(sql)
    if (!all) {
      all = arraysOf(this.#database.prepare(sql))
      this.#arrays.set(sql, all)
    }
    return all(values) as Row[]
  }

  #statement(sql: string): SqliteStatement {
    let statement = this.#prepared.get(sql)
    if (!statement) {
      statement = this.#database.prepare(sql)
      this.#prepared.set(sql, statement)
    }
    return statement
  }
}

function arraysOf(statement: SqliteStatement): (values: SqlValue[]) => unknown[] {
  if (statement.raw) statement.raw(true)
  else if (statement.setReturnArrays) statement.setReturnArrays(true)
  else return values => statement.all(...values).map(row => Object.values(Object(row)))
  return values => statement.all(...values)
}
