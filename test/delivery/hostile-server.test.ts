import type net from 'node:net'
import { describe, expect, it } from 'vitest'
import type { MessageSource } from '../../src/message/message-source.js'
import { bytesSource } from '../../src/message/sources.js'
import { drop, endlessly, hangUp, type Script } from '../../src/testing/remote/script.js'
import { createOutsideWorld } from './outside-world.js'

const large = (size: number): MessageSource => ({
  size,
  async *open() {
    for (let left = size; left > 0; left -= 65_536) yield Buffer.alloc(Math.min(left, 65_536), 'a')
  },
})

/** The sockets that the transport opens from now on. */
function watchSockets({ outside }: Awaited<ReturnType<typeof createOutsideWorld>>): net.Socket[] {
  const sockets: net.Socket[] = []
  const { connect } = outside
  outside.connect = async options => {
    const socket = await connect(options)
    sockets.push(socket)
    return socket
  }
  return sockets
}

describe('a server that never stops talking', () => {
  const table: [string, Script][] = [
    ['an endless line for a banner', { greeting: endlessly('220 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') }],
    ['an endless banner', { greeting: endlessly('220-welcome, and another line\r\n') }],
    ['an endless reply to EHLO', { EHLO: endlessly('250-SIZE 1000000\r\n') }],
    ['an endless reply to MAIL', { MAIL: endlessly('250-and so on\r\n') }],
    ['bytes that are no reply', { RCPT: endlessly('\u0000\u0001\u0002') }],
  ]

  it.each(table)('%s: ends the connection, in bounded memory', async (_, script) => {
    await using world = await createOutsideWorld()
    const rome = await world.rome(script)
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', scope: 'host', enhanced: '4.5.0' })
    await rome.connections[0]?.closed
    expect(rome.connections[0]?.flooded).toBeLessThan(20_000_000)
  })

  it('an endless reply to the final dot leaves the message in the unknown', async () => {
    await using world = await createOutsideWorld()
    await world.rome({ dot: endlessly('250-and so on\r\n') })
    expect(await world.deliverOne()).toMatchObject({ status: 'unknown' })
  })

  it.each(['550 5.7.1 Go away', '250 Welcome'])(
    'a reply to nothing is not taken for one to the next command: %s',
    async early => {
      for (const extensions of ['250-PIPELINING', '250-8BITMIME']) {
        await using world = await createOutsideWorld()
        await world.rome({ EHLO: ['250-scripted.test', extensions, '250 SIZE', early] })
        expect(await world.deliverOne()).toMatchObject({
          status: 'deferred',
          scope: 'host',
          enhanced: '4.5.0',
        })
      }
    },
  )

  it('but a goodbye is heard whenever it is said', async () => {
    for (const extensions of ['250-PIPELINING', '250-8BITMIME']) {
      await using world = await createOutsideWorld()
      await world.rome({ EHLO: ['250-scripted.test', extensions, '250 SIZE', '421 4.3.2 Bye'] })
      expect(await world.deliverOne()).toMatchObject({
        status: 'deferred',
        scope: 'host',
        reply: { code: 421, enhanced: '4.3.2' },
      })
    }
  })

  it.each(['550 5.7.1 Go away', '250 Welcome'])(
    'nor is one behind a refusal of STARTTLS: %s',
    async early => {
      await using world = await createOutsideWorld()
      await world.rome({ extensions: ['STARTTLS', 'PIPELINING'], STARTTLS: ['454 4.7.0 Not now', early] })
      expect(await world.deliverOne()).toMatchObject({ status: 'deferred', scope: 'host', enhanced: '4.5.0' })
    },
  )

  it('many replies to nothing cost the connection, and no more', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ dot: ['250 ok', ...Array(10_000).fill('250 ok')] })
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
    await rome.connections[0]?.closed
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
    expect(rome.connections).toHaveLength(2)
  })

  it('a byte at a time runs into the deadline of the whole reply', async () => {
    await using world = await createOutsideWorld()
    await world.rome({
      greeting: peer => {
        const trickle = () => {
          peer.write('2')
          world.clock.schedule(50_000, trickle)
        }
        peer.write('220 ')
        trickle()
      },
      extensions: [],
    })
    expect(await world.deliverDuring('6m')).toMatchObject({
      status: 'deferred',
      reason: expect.stringContaining('the greeting took longer'),
    })
  })
})

describe('a server that breaks into the message', () => {
  it('is believed when it refuses it, and no second host is asked', async () => {
    await using world = await createOutsideWorld()
    world.zone.set('rome.test', { mx: ['10 mx.rome.test', '20 mx2.rome.test'] })
    const first = await world.server('mx.rome.test', {
      DATA: ['354 Go ahead', '552 5.3.4 Too big'],
      extensions: ['PIPELINING'],
    })
    const second = await world.server('mx2.rome.test')
    expect(await world.deliverOne({ message: large(4_000_000) })).toMatchObject({
      status: 'failed',
      scope: 'message',
      reply: { code: 552 },
    })
    await first.connections[0]?.closed
    expect(first.connections[0]?.messages).toHaveLength(0)
    expect(second.connections).toHaveLength(0)
  })

  it('is not believed when it takes it before the end', async () => {
    await using world = await createOutsideWorld()
    await world.rome({ DATA: ['354 Go ahead', '250 Taken'], extensions: ['PIPELINING'] })
    expect(await world.deliverOne({ message: large(4_000_000) })).toMatchObject({
      status: 'deferred',
      scope: 'host',
    })
  })

  it('by leaving has taken nothing: the next host is asked', async () => {
    await using world = await createOutsideWorld()
    world.zone.set('rome.test', { mx: ['10 mx.rome.test', '20 mx2.rome.test'] })
    await world.server('mx.rome.test', {
      extensions: ['PIPELINING'],
      DATA: peer => {
        peer.say(['354 Go ahead'])
        peer.drop()
      },
    })
    await world.server('mx2.rome.test', { extensions: [] })
    expect(await world.deliverOne({ message: large(4_000_000) })).toMatchObject({
      status: 'delivered',
      host: 'mx2.rome.test',
    })
  })

  it.each([
    ['552 5.3.4 Too big', { status: 'failed', scope: 'message', reply: { code: 552 } }],
    ['421 4.3.2 Bye', { status: 'deferred', scope: 'host', reply: { code: 421 } }],
  ])('and reads no more has the connection cut off: %s', async (early, outcome) => {
    for (const chunks of [1, 4]) {
      await using world = await createOutsideWorld()
      await world.rome({
        extensions: [],
        DATA: peer => {
          peer.say(['354 Go ahead'])
          peer.stopReading()
          world.clock.schedule(1000, () => peer.say([early]))
        },
      })
      const sockets = watchSockets(world)
      const chunk = Buffer.alloc(4_000_000, 'a')
      const message: MessageSource = {
        size: chunks * chunk.length,
        async *open() {
          for (let index = 0; index < chunks; index++) yield chunk
        },
      }
      expect(await world.deliverDuring('2s', { message })).toMatchObject(outcome)
      expect(sockets.map(socket => socket.destroyed)).toEqual([true])
    }
  })

  it('and reads no more of the envelope does not keep the connection open, nor is it heard any more', async () => {
    const heard: string[] = []
    const ignore = () => {}
    const debug = (fields: object) => heard.push(JSON.stringify(fields))
    await using world = await createOutsideWorld({
      logger: { debug, info: ignore, warn: ignore, error: ignore },
    })
    await world.rome({
      EHLO: peer => {
        peer.say(['250-scripted.test', '250 PIPELINING'])
        peer.stopReading()
        world.clock.schedule(1000, () => peer.say(['421 4.3.2 Bye']))
        world.clock.schedule(3000, () => peer.say(['250 And another thing']))
      },
    })
    const sockets = watchSockets(world)
    // More than the buffers of a connection hold.
    const to = Array.from({ length: 1_000 }, (_, index) => `${'x'.repeat(20_000)}${index}@rome.test`)
    const delivering = world.deliver({ to })
    await world.clock.advance('2s')
    expect((await delivering)[0]).toMatchObject({ status: 'deferred', reply: { code: 421 } })
    await world.clock.advance('2s')
    expect(sockets.map(socket => socket.destroyed)).toEqual([false])
    await world.clock.advance('3s')
    expect(sockets.map(socket => socket.destroyed)).toEqual([true])
    expect(heard.join()).toContain('421 4.3.2 Bye')
    expect(heard.join()).not.toContain('And another thing')
  })

  it('and leaves without reading it has gone at once', async () => {
    await using world = await createOutsideWorld()
    await world.rome({
      extensions: [],
      DATA: peer => {
        peer.say(['354 Go ahead'])
        peer.stopReading()
        peer.end()
      },
    })
    expect(await world.deliverOne({ message: large(40_000_000) })).toMatchObject({
      status: 'deferred',
      scope: 'host',
      enhanced: '4.4.2',
    })
  })

  it('or says 250 and leaves has taken it', async () => {
    await using world = await createOutsideWorld()
    await world.rome({
      dot: peer => {
        peer.say(['250 2.0.0 Taken'])
        peer.end()
      },
    })
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
  })

  it('or says 250 and resets the connection has it, or may have it: no second host is asked', async () => {
    await using world = await createOutsideWorld()
    world.zone.set('rome.test', { mx: ['10 mx.rome.test', '20 mx2.rome.test'] })
    const first = await world.server('mx.rome.test', {
      dot: peer => {
        peer.say(['250 2.0.0 Taken'])
        peer.drop()
      },
    })
    const second = await world.server('mx2.rome.test')
    const outcome = await world.deliverOne()
    expect(['delivered', 'unknown']).toContain(outcome.status)
    expect(first.connections[0]?.messages).toHaveLength(1)
    expect(second.connections).toEqual([])
  })

  it('or resets the connection at QUIT has taken it, and the next message has a new connection', async () => {
    await using world = await createOutsideWorld({ connections: { idle: 0 } })
    const rome = await world.rome({ QUIT: drop })
    for (let times = 0; times < 2; times++) {
      expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
    }
    expect(rome.connections).toHaveLength(2)
  })
})

describe('smuggling (CVE-2023-51764, -51765, -51766)', () => {
  const breaks = ['\r\n', '\n', '\r', '\r\r\n', '\n\r', '\r\n\u0000', '\u0000\r\n']
  const second =
    'MAIL FROM:<boss@paris.test>\r\nRCPT TO:<bob@rome.test>\r\nDATA\r\nSubject: owned\r\n\r\npwned'

  it('is not relayed: whatever is around a dot, the message stays one', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    for (const before of breaks) {
      for (const after of breaks) {
        const bytes = Buffer.from(`Subject: x\r\n\r\nhello${before}.${after}${second}`)
        const message: MessageSource = {
          size: bytes.length,
          async *open() {
            for (const byte of bytes) yield Buffer.from([byte])
          },
        }
        expect((await world.deliverOne({ message })).status).toBe('delivered')
      }
    }
    const seen = rome.connections.flatMap(peer => peer.messages.map(message => message.toString('latin1')))
    expect(seen).toHaveLength(breaks.length ** 2)
    for (const message of seen) {
      expect(message).toContain('Subject: owned')
      expect(message).not.toMatch(/\r(?!\n)|(?<!\r)\n/)
      expect(message).not.toMatch(/^\.(?:\r|$)/m)
    }
    expect(rome.connections.flatMap(peer => peer.commands)).not.toContain('MAIL FROM:<boss@paris.test>')
  })
})

describe('control characters in what a server says', () => {
  it('do not reach outcomes', async () => {
    await using world = await createOutsideWorld()
    await world.rome({
      RCPT: ['550-5.1.1 a\u0000b\u001b[31m\rX-Evil: 1', `550 5.1.1 ${'z'.repeat(3000)}\u0085\u2028`],
    })
    const outcome = await world.deliverOne()
    expect(outcome).toMatchObject({ status: 'failed', reply: { code: 550, enhanced: '5.1.1' } })
    expect(JSON.stringify(outcome)).not.toMatch(/\\u00|\\r|\\n|\u0085|\u2028/)
    expect(JSON.stringify(outcome).length).toBeLessThan(4000)
  })

  it('are no more than twenty lines of it', async () => {
    await using world = await createOutsideWorld()
    await world.rome({ RCPT: [...Array(99).fill('550-5.1.1 No'), '550 5.1.1 No'] })
    expect((await world.deliverOne()).reply?.text).toEqual(Array(20).fill('No'))
  })

  it('do not reach logs, which hear every line of the dialogue', async () => {
    const said: string[] = []
    const hear = (fields: object, message: string) => said.push(`${message} ${JSON.stringify(fields)}`)
    await using world = await createOutsideWorld({
      logger: { debug: hear, info: hear, warn: hear, error: hear },
    })
    await world.rome({ greeting: '220 a\u0007\u001b]0;evil', RCPT: hangUp, extensions: [] })
    await world.deliverOne()
    expect(said.join('\n')).toMatch(
      /received .*220 a {2}]0;evil[\s\S]*sent .*EHLO mx\.paris\.test[\s\S]*no delivery by this host/,
    )
    expect(said.join('\n')).not.toMatch(/\\u00|\\r/)
  })
})

describe('a message of nothing', () => {
  it('is a lone dot', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    expect((await world.deliverOne({ message: bytesSource('') })).status).toBe('delivered')
    expect(rome.connections[0]?.messages.map(String)).toEqual([''])
  })
})
