import { randomFillSync } from 'node:crypto'

const digits = '0123456789abcdefghjkmnpqrstvwxyz'
/** Every pair of digits, by the 10 bits it stands for. */
const pairs = Array.from(digits).flatMap(first => Array.from(digits, second => first + second))

/** Random bits for 256 ids, drawn at once. */
const pool = new Uint16Array(8 * 256)
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
  for (const end = used + 8; used < end; used++) id += pairs[(pool[used] ?? 0) & 1023]
  return id
}
