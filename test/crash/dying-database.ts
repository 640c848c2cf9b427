import { loadSqlite } from '../../src/storage/sqlite/open-database.js'
import type {
  OpenDatabase,
  SqliteDatabase,
  SqliteStatement,
} from '../../src/storage/sqlite/sqlite-database.js'

/** A point at which a process dies: before or after the `nth` time it runs a statement in a phase of its life. */
export interface WritePoint {
  readonly statement: string
  /** While the database is opened, and brought up to date; or later. */
  readonly phase: 'opening' | 'running'
  readonly side: 'before' | 'after'
  readonly nth: number
}

/**
 * SQLite in which the process dies at a point.
 * @param discover - hears of each statement that writes, when it is run first in a phase.
 */
export async function loadDyingSqlite(
  point: WritePoint | undefined,
  phase: () => WritePoint['phase'],
  discover: (found: Pick<WritePoint, 'statement' | 'phase'>) => void,
): Promise<OpenDatabase> {
  const open = await loadSqlite()
  const runs = new Map<string, number>()
  const around = <T>(sql: string, run: () => T): T => {
    const name = statementName(sql)
    if (!writes(name)) return run()
    const found = { statement: name, phase: phase() }
    const key = JSON.stringify(found)
    const nth = (runs.get(key) ?? 0) + 1
    runs.set(key, nth)
    if (nth === 1) discover(found)
    const dies = point?.statement === name && point.phase === found.phase && point.nth === nth
    if (dies && point.side === 'before') die()
    const result = run()
    if (dies) die()
    return result
  }
  return path => wrap(open(path), around)
}

type Around = <T>(sql: string, run: () => T) => T

function wrap(database: SqliteDatabase, around: Around): SqliteDatabase {
  return {
    exec: sql => around(sql, () => database.exec(sql)),
    close: () => database.close(),
    prepare: sql => {
      const statement = database.prepare(sql)
      const wrapped: SqliteStatement = {
        run: (...values) => around(sql, () => statement.run(...values)),
        get: (...values) => around(sql, () => statement.get(...values)),
        all: (...values) => around(sql, () => statement.all(...values)),
      }
      return wrapped
    },
  }
}

/** The beginning of a statement, enough to tell it from the others. */
function statementName(sql: string): string {
  return sql.replace(/--.*/g, '').replace(/\s+/g, ' ').trim().slice(0, 150)
}

function writes(name: string): boolean {
  return !/^(SELECT|PRAGMA (\w+$|busy_timeout|cache_size|query_only|foreign_keys))/.test(name)
}

/** As sudden as a failing power supply; nothing runs after it. */
function die(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('survived SIGKILL')
}
