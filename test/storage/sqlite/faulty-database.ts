import { Connection } from '../../../src/storage/sqlite/connection.js'
import { loadSqlite } from '../../../src/storage/sqlite/open-database.js'
import type { SqliteDatabase } from '../../../src/storage/sqlite/sqlite-database.js'
import { SqliteStorageDriver } from '../../../src/storage/sqlite/sqlite-storage.js'

/**
 * Decides before each call of the database whether it is made; throws where it is to fail. What is prepared comes as
 * `prepare: …`.
 */
export type Gate = (sql: string) => void

/** A storage that commits in this thread, behind a gate that each call of its database passes. */
export function gatedStorage(path: string, gate: Gate, pollInterval = 1_000): SqliteStorageDriver {
  const settings = { path, pollInterval, busyTimeout: 2_000, thread: false }
  const load = async () => {
    const open = await loadSqlite()
    return (file: string) => gatedDatabase(open(file), gate)
  }
  return new SqliteStorageDriver(new Connection(settings, load))
}

function gatedDatabase(database: SqliteDatabase, gate: Gate): SqliteDatabase {
  return {
    exec: sql => {
      gate(sql)
      return database.exec(sql)
    },
    prepare: sql => {
      gate(`prepare: ${sql}`)
      const statement = database.prepare(sql)
      const { raw, setReturnArrays } = statement
      return {
        ...(raw && { raw: on => raw.call(statement, on) }),
        ...(setReturnArrays && { setReturnArrays: on => setReturnArrays.call(statement, on) }),
        run: (...values) => {
          gate(sql)
          return statement.run(...values)
        },
        get: (...values) => {
          gate(sql)
          return statement.get(...values)
        },
        all: (...values) => {
          gate(sql)
          return statement.all(...values)
        },
      }
    },
    close: () => database.close(),
  }
}
