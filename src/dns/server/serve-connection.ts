import type { Socket } from 'node:net'
import { framePacket } from '../packet.js'
import { answerQuery } from './answer-query.js'
import type { DnsServerSettings } from './options.js'

/** No question with one name and EDNS is larger; what claims to be is no question. */
const largestQuery = 1_024

/** Answers the questions of one TCP connection, in their order (RFC 7766), and reads no further than it may write. */
export function serveConnection(socket: Socket, { zone, clock, idleTimeout }: DnsServerSettings): void {
  let pending: Buffer = Buffer.alloc(0)
  const close = () => socket.destroy()
  let idle = clock.schedule(idleTimeout, close)

  const answerPending = () => {
    while (!socket.destroyed && !socket.writableNeedDrain && pending.length >= 2) {
      const size = pending.readUInt16BE(0)
      if (size > largestQuery) close()
      if (size > largestQuery || pending.length < size + 2) return
      const reply = answerQuery(pending.subarray(2, size + 2), zone, 'tcp')
      pending = pending.subarray(size + 2)
      idle.cancel()
      idle = clock.schedule(idleTimeout, close)
      if (reply) socket.write(framePacket(reply))
    }
    // A client that does not read its answers is not read from either.
    if (socket.writableNeedDrain) socket.pause()
  }

  socket.on('error', close)
  socket.on('close', () => idle.cancel())
  socket.on('drain', () => {
    socket.resume()
    answerPending()
  })
  socket.on('data', chunk => {
    pending = Buffer.concat([pending, chunk])
    answerPending()
  })
}
