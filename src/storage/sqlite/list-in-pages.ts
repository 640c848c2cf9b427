import { setImmediate as nextTurn } from 'node:timers/promises'
import type { MessageQuery, MessageRecord, UidRange } from '../mail-storage.js'
import type { Connection } from './connection.js'
import { mailboxByRow } from './mailbox-rows.js'
import { listMessages, messageRecord } from './message-rows.js'

/** Messages read in one go, in a few milliseconds; then others get their turn. */
const pageSize = 1_000

interface Page {
  readonly messages: readonly MessageRecord[]
  /** UIDs that were given out when it was read are below this. */
  readonly uidNext: number
}

/**
 * Lists messages of a mailbox by UID without holding up the event loop for as long as all of them take. What comes while
 * it reads is left out.
 * @throws MailError `NO_SUCH_MAILBOX`.
 */
export async function listInPages(
  connection: Connection,
  mailbox: number,
  { uids = [{ from: 0, to: Number.POSITIVE_INFINITY }], limit = Number.POSITIVE_INFINITY }: MessageQuery,
): Promise<MessageRecord[]> {
  const found: MessageRecord[] = []
  for (let ranges = uids; ; await nextTurn()) {
    const wanted = Math.min(pageSize, limit - found.length)
    const { messages, uidNext } = await readPage(connection, mailbox, { uids: ranges, limit: wanted })
    found.push(...messages)
    const last = messages.at(-1)
    if (!last || messages.length < wanted || found.length >= limit) return found
    ranges = between(ranges, last.uid + 1, uidNext - 1)
  }
}

function readPage(connection: Connection, mailbox: number, query: MessageQuery): Promise<Page> {
  return connection.read(statements => {
    const { id, uid_next } = mailboxByRow(statements, mailbox)
    return { messages: listMessages(statements, id, query).map(messageRecord), uidNext: uid_next }
  })
}

function between(ranges: readonly UidRange[], first: number, last: number): UidRange[] {
  return ranges
    .map(({ from, to }) => ({ from: Math.max(from, first), to: Math.min(to, last) }))
    .filter(({ from, to }) => from <= to)
}
