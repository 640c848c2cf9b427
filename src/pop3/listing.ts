import type { DropMessage } from './maildrop.js'
import type { Session } from './session.js'

/** Lines gathered for one write. */
const linesPerWrite = 1_000

/** Sends a line about each message that is not marked as deleted, as the client takes them. */
export async function sendListing(
  session: Session,
  title: string,
  lineOf: (message: DropMessage) => string,
): Promise<void> {
  const { maildrop, connection } = session
  let lines = `+OK ${title}\r\n`
  for (let number = 1; number <= maildrop.last; number++) {
    const message = maildrop.get(number)
    if (message) lines += `${lineOf(message)}\r\n`
    if (number % linesPerWrite > 0) continue
    connection.write(lines)
    lines = ''
    if (connection.full) await session.drained()
  }
  connection.write(`${lines}.\r\n`)
}
