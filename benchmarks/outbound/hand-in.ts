import net from 'node:net'
import { letter } from './letter.js'

/** Hands in messages over so many connections at a time, on each one after another. */
export async function handIn(port: number, count: number, connections: number): Promise<void> {
  if (count === 0) return
  const shares = Array.from({ length: connections }, (_, index) => Math.floor((count + index) / connections))
  await Promise.all(shares.map(share => converse(port, share)))
}

async function converse(port: number, count: number): Promise<void> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  const replies = socket.setEncoding('latin1')[Symbol.asyncIterator]()
  const hear = async () => {
    for (let text = ''; !/^\d{3} .*\r\n$/m.test(text); ) text += (await replies.next()).value ?? '999 end\r\n'
  }
  const say = async (line: string | Buffer) => {
    socket.write(line)
    await hear()
  }
  await hear()
  await say('EHLO load.test\r\n')
  for (let index = 0; index < count; index++) {
    await say('MAIL FROM:<a@example.test>\r\n')
    await say(`RCPT TO:<user@d${index % 10}.test>\r\n`)
    await say('DATA\r\n')
    await say(Buffer.concat([letter, Buffer.from('.\r\n')]))
  }
  socket.end('QUIT\r\n')
}
