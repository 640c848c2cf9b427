import net from 'node:net'
import { type Letter, letterText } from './letter.js'

/** What clients tell of their letters. */
export interface ClientReport {
  /** The letter is about to be handed over. */
  sending(letter: Letter): void
  /** The server said 250. */
  accepted(letter: Letter): void
}

/** Hands letters over, one after another, until the server is gone. */
export async function sendLetters(port: number, next: () => Letter, report: ClientReport): Promise<void> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  try {
    const replies = readReplies(socket)
    const ask = async (bytes: string) => {
      if (bytes) socket.write(bytes)
      const { value } = await replies.next()
      return value
    }
    await ask('')
    if (!(await ask('EHLO client.test\r\n'))) return
    while (await sendOne(next(), ask, report));
  } catch {
    // The server died in the middle of it.
  } finally {
    socket.destroy()
  }
}

async function sendOne(
  letter: Letter,
  ask: (bytes: string) => Promise<string | undefined>,
  report: ClientReport,
): Promise<boolean> {
  await ask(`MAIL FROM:<${letter.sender}> ENVID=${letter.id}\r\n`)
  for (const recipient of letter.recipients) await ask(`RCPT TO:<${recipient}>\r\n`)
  if (!(await ask('DATA\r\n'))?.startsWith('354')) return false
  report.sending(letter)
  const reply = await ask(`${letterText(letter)}.\r\n`)
  if (reply?.startsWith('250')) report.accepted(letter)
  return reply !== undefined
}

async function* readReplies(socket: net.Socket): AsyncGenerator<string, undefined> {
  let rest = ''
  for await (const data of socket) {
    const lines = (rest + String(data)).split('\r\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line[3] === ' ') yield line
  }
}
