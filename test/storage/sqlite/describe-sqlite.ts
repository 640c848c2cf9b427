import { describe } from 'vitest'
import { loadSqlite } from '../../../src/storage/sqlite/open-database.js'

const isThere = await loadSqlite().then(
  () => true,
  () => false,
)

/**
 * `describe` for tests that need an SQLite. Where there is none (on Node 20, when better-sqlite3 could not be built) they
 * are skipped and say so; under `POSTHORN_REQUIRE_TOOLS=1`, as in CI, they fail instead.
 */
export function describeSqlite(name: string, options: { timeout?: number }, body: () => void): void {
  if (isThere || process.env['POSTHORN_REQUIRE_TOOLS'] === '1') describe(name, options, body)
  else describe.skip(`${name} — SKIPPED, needs Node 22.13 or the package better-sqlite3`, body)
}
