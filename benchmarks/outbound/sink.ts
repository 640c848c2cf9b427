/** Takes mail and forgets it, in a process of its own: tells its port, and by message how many it took, by IPC. */
import net from 'node:net'

let taken = 0
let waitFor = Number.POSITIVE_INFINITY

const server = net.createServer({ noDelay: true }, socket => {
  let rest = ''
  let inData = false
  const answer = (line: string) => {
    const verb = line.slice(0, 4).toUpperCase()
    if (verb === 'EHLO') return '250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 50000000\r\n'
    if (verb === 'QUIT') return '221 2.0.0 bye\r\n'
    if (verb !== 'DATA') return '250 2.0.0 ok\r\n'
    inData = true
    return '354 go on\r\n'
  }
  const read = () => {
    let replies = ''
    for (;;) {
      const end = inData ? rest.indexOf('\r\n.\r\n') : rest.indexOf('\r\n')
      if (end < 0) return replies
      const line = rest.slice(0, end)
      rest = rest.slice(end + (inData ? 5 : 2))
      if (inData) {
        inData = false
        replies += '250 2.0.0 taken\r\n'
        if (++taken === waitFor) process.send?.({ taken })
      } else replies += answer(line)
    }
  }
  socket.setEncoding('latin1')
  socket.write('220 sink ESMTP\r\n')
  socket.on('error', () => {})
  socket.on('data', (text: string) => {
    rest += text
    const replies = read()
    if (replies !== '') socket.write(replies)
    if (replies.endsWith('221 2.0.0 bye\r\n')) socket.end()
  })
})

process.on('message', ({ count }: { count: number }) => {
  taken = 0
  waitFor = count
  process.send?.({ ready: true })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.({ port: typeof address === 'object' ? address?.port : undefined })
})
