import { randomFillSync } from 'node:crypto'

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const pool = Buffer.alloc(16 * 256)
let used = pool.length

/**
 * A new id that follows a message from the session that brought it to the last attempt: 16 characters of
 * Crockford's base 32, 80 random bits, safe in headers, file names and SQL.
 */
export function newTraceId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  let id = ''
  for (const end = used + 16; used < end; used++) id += alphabet[(pool[used] ?? 0) & 31]
  return id
}
