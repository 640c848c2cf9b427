import { describe, expect, it } from 'vitest'
import { hangUp, silence } from '../../src/testing/remote/script.js'
import { createOutsideWorld } from './outside-world.js'

describe('a connection', () => {
  it('is kept for the next message to the same host, without another greeting', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    for (let time = 0; time < 3; time++) expect((await world.deliverOne()).status).toBe('delivered')
    expect(rome.connections).toHaveLength(1)
    expect(rome.connections[0]?.messages).toHaveLength(3)
    expect(rome.connections[0]?.commands.map(command => command.slice(0, 4))).toEqual([
      'EHLO',
      ...Array(3).fill(['MAIL', 'RCPT', 'DATA']).flat(),
    ])
  })

  it('is shared by the domains of a host', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    world.zone.set('ostia.test', { mx: 'mx.rome.test' })
    await world.deliverOne()
    await world.deliverOne({ destination: 'ostia.test', to: ['bob@ostia.test'] })
    expect(rome.connections).toHaveLength(1)
  })

  it('is closed with QUIT after ten seconds', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    await world.deliverOne()
    await world.clock.advance('9s')
    expect(rome.connections[0]?.commands).not.toContain('QUIT')
    await world.clock.advance('1s')
    await rome.connections[0]?.closed
    expect(rome.connections[0]?.commands.at(-1)).toBe('QUIT')
    expect(world.clock.nextTimer()).toBeUndefined()
    await world.deliverOne()
    expect(rome.connections).toHaveLength(2)
  })

  it('serves a limited number of messages, and time', async () => {
    await using world = await createOutsideWorld({ connections: { messages: 2, age: '8s' } })
    const rome = await world.rome()
    for (let time = 0; time < 3; time++) await world.deliverOne()
    expect(rome.connections.map(peer => peer.messages.length)).toEqual([2, 1])
    await world.clock.advance('5s')
    await world.deliverOne()
    await world.clock.advance('5s')
    await world.deliverOne()
    expect(rome.connections.map(peer => peer.messages.length)).toEqual([2, 2, 1])
  })

  it('gives way to those used later where there are enough in all', async () => {
    await using world = await createOutsideWorld({ connections: { total: 1 } })
    const rome = await world.rome()
    world.zone.set('oslo.test', { mx: [{ preference: 10, exchange: 'mx.oslo.test' }] })
    const oslo = await world.server('mx.oslo.test')
    const toOslo = { destination: 'oslo.test', to: ['bob@oslo.test'] }
    await world.deliverOne()
    await world.deliverOne(toOslo)
    await rome.connections[0]?.closed
    await world.deliverOne(toOslo)
    await world.deliverOne()
    expect([rome.connections.length, oslo.connections.length]).toEqual([2, 1])
    expect(rome.connections[0]?.commands).toContain('QUIT')
  })

  it('is not kept when idle is 0', async () => {
    await using world = await createOutsideWorld({ connections: { idle: 0 } })
    const rome = await world.rome()
    await world.deliverOne()
    await rome.connections[0]?.closed
    await world.deliverOne()
    expect(rome.connections).toHaveLength(2)
  })

  it('lets the process end while it waits, and only then', async () => {
    await using world = await createOutsideWorld()
    await world.rome()
    const { connect } = world.outside
    const calls: string[] = []
    world.outside.connect = async options => {
      const socket = await connect(options)
      for (const name of ['ref', 'unref'] as const) {
        const call = socket[name].bind(socket)
        socket[name] = () => {
          calls.push(name)
          return call()
        }
      }
      return socket
    }
    await world.deliverOne()
    expect(calls).toEqual(['unref'])
    await world.deliverOne()
    expect(calls).toEqual(['unref', 'ref', 'unref'])
  })

  it('is kept as often as the queue has messages under way to one site', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    for (let time = 0; time < 2; time++) {
      await Promise.all(Array.from({ length: 20 }, () => world.deliverOne()))
    }
    expect(rome.connections).toHaveLength(20)
  })

  it('is kept in limited number', async () => {
    await using world = await createOutsideWorld({ connections: { perHost: 1 } })
    const rome = await world.rome()
    await Promise.all([world.deliverOne(), world.deliverOne(), world.deliverOne()])
    expect(rome.connections).toHaveLength(3)
    await Promise.race(rome.connections.map(peer => peer.closed))
    await world.clock.settled()
    await world.deliverOne()
    expect(rome.connections).toHaveLength(3)
    expect(rome.connections.filter(peer => peer.commands.includes('QUIT'))).toHaveLength(2)
  })

  it('is not kept when the server says goodbye, or leaves, or talks without being asked', async () => {
    for (const last of ['421 4.4.2 Idle too long', '250 what?', undefined]) {
      await using world = await createOutsideWorld()
      const rome = await world.rome()
      await world.deliverOne()
      const [peer] = rome.connections
      if (last === undefined) peer?.end()
      else peer?.say([last])
      await peer?.closed
      expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
      expect(rome.connections).toHaveLength(2)
    }
  })

  it.each(['421 4.4.2 Idle too long', hangUp])(
    'that turns out to be dead is replaced in silence: %s',
    async MAIL => {
      await using world = await createOutsideWorld()
      const rome = await world.rome([{ MAIL: { inTurn: ['250 ok', MAIL] } }, {}])
      await world.deliverOne()
      expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
      expect(rome.connections.map(peer => peer.messages.length)).toEqual([1, 1])
    },
  )

  it('is not replaced where the attempt was ended', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ extensions: [], MAIL: { inTurn: ['250 ok', silence] } })
    await world.deliverOne()
    const ending = new AbortController()
    const delivering = world.deliver({}, ending.signal)
    await world.clock.settled()
    ending.abort()
    expect(await delivering).toMatchObject([
      { status: 'deferred', scope: 'local', reason: 'the attempt was ended' },
    ])
    expect(rome.connections).toHaveLength(1)
  })

  it('is replaced once only', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome([{ MAIL: { inTurn: ['250 ok', hangUp] } }, { MAIL: hangUp }])
    await world.deliverOne()
    expect(await world.deliverOne()).toMatchObject({ status: 'deferred', scope: 'host' })
    expect(rome.connections).toHaveLength(2)
  })

  it('is not replaced after the final dot', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome([{ dot: { inTurn: ['250 ok', hangUp] } }, {}])
    await world.deliverOne()
    expect(await world.deliverOne()).toMatchObject({ status: 'unknown' })
    expect(rome.connections).toHaveLength(1)
  })

  it('is forgotten at once when it failed', async () => {
    await using world = await createOutsideWorld()
    await world.rome({ dot: hangUp })
    await world.deliverOne()
    expect(world.clock.nextTimer()).toBeUndefined()
  })

  it('begins anew with RSET after a transaction that came to nothing', async () => {
    for (const extensions of [['PIPELINING'], []]) {
      await using world = await createOutsideWorld()
      const rome = await world.rome({
        extensions,
        RCPT: { inTurn: ['550 5.1.1 no', '250 ok'] },
        DATA: { inTurn: extensions.length > 0 ? ['554 5.5.1 nobody', '354 go'] : ['354 go'] },
      })
      await world.deliverOne()
      expect((await world.deliverOne()).status).toBe('delivered')
      expect(rome.connections).toHaveLength(1)
      expect(rome.connections[0]?.commands).toContain('RSET')
    }
  })

  it('is the one used last, so that those beyond the need are closed', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    await Promise.all([world.deliverOne(), world.deliverOne()])
    for (let times = 0; times < 3; times++) {
      await world.clock.advance('4s')
      await world.deliverOne()
    }
    expect(rome.connections.map(peer => peer.messages.length).toSorted()).toEqual([1, 4])
    expect(rome.connections.filter(peer => peer.commands.includes('QUIT'))).toHaveLength(1)
  })

  it('that is in use has its troubles told to the message it carries', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({
      DATA: { inTurn: ['354 Go ahead', ['354 Go ahead', '552 5.3.4 Too big']] },
    })
    await world.deliverOne()
    expect(await world.deliverOne()).toMatchObject({ status: 'failed', reply: { code: 552 } })
    expect(rome.connections).toHaveLength(1)
  })

  it('goes on after a sender that was refused', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({
      MAIL: { inTurn: ['550 5.7.1 Not you', '250 ok'] },
      RCPT: { inTurn: ['503 5.5.1 MAIL first', '250 ok'] },
      DATA: { inTurn: ['503 5.5.1 MAIL first', '354 Go ahead'] },
    })
    expect(await world.deliverOne()).toMatchObject({ status: 'failed', scope: 'message' })
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
    expect(rome.connections).toHaveLength(1)
  })

  it('is closed at once where the server says more than it was asked', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ dot: ['250 ok', '250 and more'] })
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
    await rome.connections[0]?.closed
    expect(rome.connections[0]?.commands.at(-1)).toBe('QUIT')
  })

  it.each(['502 5.5.1 What?', '354 Go ahead', '421 4.4.2 Bye', hangUp])(
    'whose last transaction cannot be taken back is replaced, and nobody pays for it: %s',
    async RSET => {
      for (const extensions of [['PIPELINING'], []]) {
        await using world = await createOutsideWorld()
        const rome = await world.rome([
          {
            extensions,
            RSET,
            MAIL: { inTurn: ['250 ok', '503 5.5.1 Nested MAIL'] },
            RCPT: '550 5.1.1 no',
            DATA: '554 5.5.1 nobody',
          },
          {},
        ])
        await world.deliverOne()
        expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
        expect(rome.connections).toHaveLength(2)
      }
    },
  )

  it('that is no longer wanted after RSET is replaced as well', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome([
      {
        MAIL: { inTurn: ['250 ok', '421 4.7.0 Too many messages'] },
        RCPT: '550 5.1.1 no',
        DATA: '554 5.5.1 nobody',
      },
      {},
    ])
    await world.deliverOne()
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
    expect(rome.connections[0]?.commands).toContain('RSET')
  })

  it('serves no longer than its time, however long it may wait', async () => {
    await using world = await createOutsideWorld({ connections: { idle: '1h', age: '1m' } })
    const rome = await world.rome()
    await world.deliverOne()
    await world.clock.advance('40s')
    await world.deliverOne()
    expect(rome.connections[0]?.messages).toHaveLength(2)
    await world.clock.advance('20s')
    await rome.connections[0]?.closed
    expect(rome.connections[0]?.commands.at(-1)).toBe('QUIT')
    await world.deliverOne()
    expect(rome.connections.map(peer => peer.messages.length)).toEqual([2, 1])
  })

  it('is closed with the transport, which then keeps none', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ QUIT: silence })
    await world.deliverOne()
    await world.transport.close()
    await rome.connections[0]?.closed
    expect(world.clock.nextTimer()).toBeUndefined()
    await world.deliverOne()
    await rome.connections[1]?.closed
    expect(rome.connections[1]?.commands.at(-1)).toBe('QUIT')
  })
})
