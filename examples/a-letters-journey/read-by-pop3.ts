import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { connect } from 'node:tls'
import { demoCertificate } from './host.ts'

/** Reads all messages of a mailbox over POP3 with TLS, as a mail program does. */
export async function readByPop3(port: number, user: string): Promise<string[]> {
  const socket = connect({ host: '127.0.0.1', port, ca: demoCertificate, servername: 'localhost' })
  await once(socket, 'secureConnect')
  const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })[
    Symbol.asyncIterator
  ]()
  const line = async () => String((await lines.next()).value)
  const say = async (command: string) => {
    if (command !== '') socket.write(`${command}\r\n`)
    const answer = await line()
    if (!answer.startsWith('+OK')) throw new Error(`POP3 server: ${answer}`)
    return answer
  }

  await say('')
  await say(`USER ${user}`)
  await say(`PASS ${user}-password`)
  const count = Number((await say('STAT')).split(' ')[1])
  const messages: string[] = []
  for (let number = 1; number <= count; number++) {
    await say(`RETR ${number}`)
    let message = ''
    for (let text = await line(); text !== '.'; text = await line())
      message += `${text.replace(/^\.\./, '.')}\r\n`
    messages.push(message)
  }
  await say('QUIT')
  socket.destroy()
  return messages
}
