import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import { sendData } from '../../src/delivery/smtp-client/send-data.js'
import { SmtpWire } from '../../src/delivery/smtp-client/smtp-wire.js'

/** Collects what nothing holds any more. */
async function collectGarbage() {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  await new Promise(setImmediate)
  collect()
}

it('lets go of the chunks of a message that it has written', async () => {
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  const wire = new SmtpWire(socket as Socket, createVirtualClock())
  const size = 64 * 1024
  const count = 8
  const written: WeakRef<Buffer>[] = []
  let held = 0
  async function* chunks() {
    for (let index = 0; index < count; index++) {
      const chunk = Buffer.alloc(size, 'a')
      written.push(new WeakRef(chunk))
      yield chunk
    }
    await collectGarbage()
    held = written.filter(chunk => chunk.deref()).length
  }
  expect(await sendData(wire, { size: size * count, open: chunks }, 60_000)).toBe('sent')
  expect(held).toBeLessThan(count / 2)
  socket.destroy()
})
