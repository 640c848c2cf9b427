/** What a column holds or a parameter gives. */
export type SqlValue = string | number | null | Uint8Array

/** The few methods of a prepared statement that are called; `node:sqlite` and `better-sqlite3` both have them. */
export interface SqliteStatement {
  run(...values: SqlValue[]): unknown
  get(...values: SqlValue[]): unknown
  all(...values: SqlValue[]): unknown[]
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

  #statement(sql: string): SqliteStatement {
    let statement = this.#prepared.get(sql)
    if (!statement) {
      statement = this.#database.prepare(sql)
      this.#prepared.set(sql, statement)
    }
    return statement
  }
}
