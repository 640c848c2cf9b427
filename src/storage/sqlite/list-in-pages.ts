import { setImmediate as nextTurn } from 'node:timers/promises'
import type { MessageQuery, UidRange } from '../mail-storage.js'
import type { Connection } from './connection.js'
import { mailboxByRow } from './mailbox-rows.js'
import { listRanges, type Reading } from './message-rows.js'
import type { SqlValue } from './sqlite-database.js'

/** Messages read in one go, in a few milliseconds; then others get their turn. */
const pageSize = 1_000

/**
 * Lists messages of a mailbox by UID without holding up the event loop for as long as all of them take. What comes while
 * it reads is left out.
 * @throws MailError `NO_SUCH_MAILBOX`.
 */
export async function listInPages<Values extends readonly SqlValue[], T extends { readonly uid: number }>(
  connection: Connection,
  mailbox: number,
  reading: Reading<Values, T>,
  { uids = [{ from: 0, to: Number.POSITIVE_INFINITY }], limit = Number.POSITIVE_INFINITY }: MessageQuery = {},
): Promise<T[]> {
  const found: T[] = []
  for (let ranges = uids; ; await nextTurn()) {
    const wanted = Math.min(pageSize, limit - found.length)
    const { messages, uidNext } = await connection.read(statements => {
      const { id, uid_next } = mailboxByRow(statements, mailbox)
      // UIDs that were given out by then are below `uid_next`.
      return { messages: listRanges(statements, id, reading, ranges, wanted), uidNext: uid_next }
    })
    found.push(...messages)
    const last = messages.at(-1)
    if (!last || messages.length < wanted || found.length >= limit) return found
    ranges = between(ranges, last.uid + 1, uidNext - 1)
  }
}

function between(ranges: readonly UidRange[], first: number, last: number): UidRange[] {
  return ranges
    .map(({ from, to }) => ({ from: Math.max(from, first), to: Math.min(to, last) }))
    .filter(({ from, to }) => from <= to)
}
