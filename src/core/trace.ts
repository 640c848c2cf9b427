import { randomFillSync, randomInt } from 'node:crypto'

const digits = '0123456789abcdefghjkmnpqrstvwxyz'
/** Every pair of digits, by the 10 bits it stands for. */
const pairs = Array.from(digits).flatMap(first => Array.from(digits, second => first + second))

/** Random bits for 256 ids, drawn at once. */
const pool = new Uint16Array(6 * 256)
let used = pool.length

/** Counts ids, from anywhere, so that those of one process come in order: an index of them grows at one place. */
let count = -1

/**
 * A new id that follows a message from the session that brought it to the last attempt: 16 characters of
 * Crockford's base 32, safe in headers, file names and SQL. They stand for a number of 20 bits that counts up, and 60
 * random bits.
 */
export function newTraceId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
    if (count < 0) count = randomInt(2 ** 20)
  }
  count = (count + 1) % 2 ** 20
  let id = `${pairs[count >> 10]}${pairs[count & 1023]}`
  for (const end = used + 6; used < end; used++) id += pairs[(pool[used] ?? 0) & 1023]
  return id
}
