import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { MessageSource } from '../../src/message/message-source.js'
import { drop, hangUp, type Script, type Step, silence } from '../../src/testing/remote/script.js'
import { createOutsideWorld } from './outside-world.js'

const pipelined = ['PIPELINING']

describe('what a reply means', () => {
  const table: [string, Script, object][] = [
    ['421 greeting', { greeting: '421 4.3.2 Busy' }, { status: 'deferred', scope: 'host' }],
    [
      '5xx greeting, as Postfix reads it',
      { greeting: '554 5.7.1 No' },
      { status: 'deferred', scope: 'host' },
    ],
    ['4xx to EHLO', { EHLO: '450 4.7.1 No' }, { status: 'deferred', scope: 'host' }],
    ['3xx to EHLO', { EHLO: '354 What?' }, { status: 'deferred', scope: 'host', enhanced: '4.5.0' }],
    ['5xx to EHLO and HELO', { EHLO: '550 No', HELO: '550 No' }, { status: 'deferred', scope: 'host' }],
    ['4xx to MAIL', { MAIL: '451 4.7.1 Later' }, { status: 'deferred', scope: 'message' }],
    ['5xx to MAIL', { MAIL: '550 5.1.8 No' }, { status: 'failed', scope: 'message' }],
    ['421 to MAIL', { MAIL: '421 4.3.2 Bye' }, { status: 'deferred', scope: 'host' }],
    ['4xx to RCPT', { RCPT: '450 4.2.1 Greylisted' }, { status: 'deferred', scope: 'recipient' }],
    ['5xx to RCPT', { RCPT: '550 5.1.1 Who?' }, { status: 'failed', scope: 'recipient' }],
    ['552 to RCPT', { RCPT: '552 Too many' }, { status: 'deferred', scope: 'recipient' }],
    ['552 5.2.2 to RCPT', { RCPT: '552 5.2.2 Full' }, { status: 'failed', scope: 'recipient' }],
    ['421 to RCPT', { RCPT: '421 4.3.2 Bye' }, { status: 'deferred', scope: 'host' }],
    ['4xx to DATA', { DATA: '451 4.3.0 Later' }, { status: 'deferred', scope: 'message' }],
    ['5xx to DATA', { DATA: '554 5.5.1 No' }, { status: 'failed', scope: 'message' }],
    ['2xx to DATA', { DATA: '250 What?' }, { status: 'deferred', scope: 'host', enhanced: '4.5.0' }],
    ['3xx to RCPT', { RCPT: '354 What?' }, { status: 'deferred', scope: 'host', enhanced: '4.5.0' }],
    ['3xx after the dot', { dot: '354 More' }, { status: 'unknown', scope: 'host' }],
    ['421 to DATA', { DATA: '421 4.3.2 Bye' }, { status: 'deferred', scope: 'host' }],
    ['4xx to the message', { dot: '452 4.3.1 Full' }, { status: 'deferred', scope: 'message' }],
    ['5xx to the message', { dot: '554 5.7.1 Spam' }, { status: 'failed', scope: 'message' }],
    ['421 to the message', { dot: '421 4.3.2 Bye' }, { status: 'deferred', scope: 'host' }],
    ['connection refused', { greeting: drop }, { status: 'deferred', scope: 'host', enhanced: '4.4.2' }],
    ['lost after EHLO', { EHLO: hangUp }, { status: 'deferred', scope: 'host', enhanced: '4.4.2' }],
    ['lost after RCPT', { RCPT: drop }, { status: 'deferred', scope: 'host', enhanced: '4.4.2' }],
    ['lost after DATA', { DATA: hangUp }, { status: 'deferred', scope: 'host', enhanced: '4.4.2' }],
    ['nonsense', { MAIL: 'yes?' }, { status: 'deferred', scope: 'host', enhanced: '4.5.0' }],
    ['lost after the dot', { dot: drop }, { status: 'unknown', scope: 'host', enhanced: '4.4.2' }],
    ['ended after the dot', { dot: hangUp }, { status: 'unknown', scope: 'host', enhanced: '4.4.2' }],
    ['nonsense after the dot', { dot: 'yes?' }, { status: 'unknown', scope: 'host' }],
  ]

  it.each(table)('%s', async (_, script, outcome) => {
    for (const extensions of [pipelined, []]) {
      await using world = await createOutsideWorld()
      await world.rome({ extensions, ...script })
      expect(await world.deliverOne()).toMatchObject({
        recipient: 'bob@rome.test',
        host: 'mx.rome.test',
        ...outcome,
      })
    }
  })

  it('says goodbye to a host that wants nothing of us', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ greeting: '554 5.7.1 No' })
    await world.deliverOne()
    await rome.connections[0]?.closed
    expect(rome.connections[0]?.commands).toEqual(['QUIT'])
  })

  it('tells what the server said, and to what', async () => {
    await using world = await createOutsideWorld()
    await world.rome({ RCPT: ['550-5.1.1 No', '550 5.1.1 such user'] })
    const outcome = await world.deliverOne()
    expect(outcome.reply).toEqual({ code: 550, enhanced: '5.1.1', text: ['No', 'such user'] })
    expect(outcome.reason).toBe('550 5.1.1 No such user (in reply to RCPT TO)')
  })

  it('keeps the fates of recipients apart', async () => {
    for (const extensions of [pipelined, []]) {
      await using world = await createOutsideWorld()
      const rome = await world.rome({
        extensions,
        RCPT: { inTurn: ['250 ok', '550 5.1.1 no', '450 4.2.1 later', '250 ok'] },
      })
      const outcomes = await world.deliver({
        to: ['a@rome.test', 'b@rome.test', 'c@rome.test', 'd@rome.test'],
      })
      expect(new Map(outcomes.map(outcome => [outcome.recipient, outcome.status]))).toEqual(
        new Map([
          ['a@rome.test', 'delivered'],
          ['b@rome.test', 'failed'],
          ['c@rome.test', 'deferred'],
          ['d@rome.test', 'delivered'],
        ]),
      )
      expect(rome.connections[0]?.messages).toHaveLength(1)
    }
  })

  it('sends no message when nobody is taken, not even to a server that asks for it (RFC 2920 §3.1)', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({
      RCPT: { inTurn: ['550 5.1.1 no', '250 ok'] },
      DATA: '354 Go ahead',
      dot: { inTurn: ['554 5.5.1 nobody', '250 ok'] },
    })
    expect(await world.deliverOne()).toMatchObject({ status: 'failed', scope: 'recipient' })
    expect(rome.connections[0]?.messages.map(String)).toEqual([''])
    expect(await world.deliverOne()).toMatchObject({ status: 'delivered' })
    expect(rome.connections[0]?.commands.slice(4)).toEqual([
      'RSET',
      expect.stringMatching('MAIL'),
      expect.stringMatching('RCPT'),
      'DATA',
    ])
  })

  it('sends those who were too many for one transaction in a further one, at once (RFC 5321 §4.5.3.1.10)', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({
      RCPT: {
        inTurn: ['250 ok', '452 4.5.3 Too many', '452 4.5.3 Too many', '250 ok', '452 Too many', '250 ok'],
      },
    })
    const outcomes = await world.deliver({ to: ['a@rome.test', 'b@rome.test', 'c@rome.test'] })
    expect(outcomes.map(({ recipient, status }) => [recipient, status])).toEqual([
      ['a@rome.test', 'delivered'],
      ['b@rome.test', 'delivered'],
      ['c@rome.test', 'delivered'],
    ])
    expect(rome.connections).toHaveLength(1)
    expect(rome.connections[0]?.messages).toHaveLength(3)
  })

  it('leaves a recipient with a full mailbox for later', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ RCPT: { inTurn: ['250 ok', '452 4.2.2 Full'] } })
    const outcomes = await world.deliver({ to: ['a@rome.test', 'b@rome.test'] })
    expect(outcomes.map(outcome => outcome.status).toSorted()).toEqual(['deferred', 'delivered'])
    expect(rome.connections[0]?.messages).toHaveLength(1)
  })
})

describe('deadlines', () => {
  const table: [string, Script, `${number}m`, object][] = [
    ['the greeting', { greeting: silence }, '5m', { status: 'deferred', scope: 'host' }],
    ['EHLO', { EHLO: silence }, '5m', { status: 'deferred', scope: 'host' }],
    ['MAIL', { MAIL: silence, extensions: [] }, '5m', { status: 'deferred', scope: 'host' }],
    ['RCPT', { RCPT: silence, extensions: [] }, '5m', { status: 'deferred', scope: 'host' }],
    ['DATA', { DATA: silence }, '2m', { status: 'deferred', scope: 'host' }],
    ['the final dot', { dot: silence }, '10m', { status: 'unknown', scope: 'host' }],
  ]

  it.each(table)('%s', async (phase, script, limit, outcome) => {
    await using world = await createOutsideWorld()
    await world.rome(script)
    const started = world.clock.now()
    let ended = 0
    const delivering = world.deliverOne().finally(() => {
      ended = world.clock.now()
    })
    await world.clock.advance('20m')
    expect(await delivering).toMatchObject({ ...outcome, enhanced: '4.4.2' })
    expect((await delivering).reason).toContain(`${phase} took longer`)
    expect(ended - started).toBe(Number.parseInt(limit, 10) * 60_000)
  })

  it('of a block of the message that is not taken', async () => {
    await using world = await createOutsideWorld()
    await world.rome({
      DATA: peer => {
        peer.say(['354 Go ahead'])
        peer.stopReading()
      },
      extensions: ['PIPELINING'],
    })
    const chunk = Buffer.alloc(64 * 1024, 'a')
    let taken = 0
    const message: MessageSource = {
      size: chunk.length * 2000,
      async *open() {
        for (; taken < 2000; taken++) yield chunk
      },
    }
    expect(await world.deliverDuring('4m', { message })).toMatchObject({
      status: 'deferred',
      scope: 'host',
      enhanced: '4.4.2',
    })
    expect(taken).toBeLessThan(1000)
  })

  it('of the whole attempt, however much the server has to say', async () => {
    await using world = await createOutsideWorld({ limits: { attempt: '12m' } })
    const slowly: Step = peer => void world.clock.schedule(4 * 60_000, () => peer.say(['250 ok']))
    await world.rome({ RCPT: slowly, extensions: [] })
    const to = ['a@rome.test', 'b@rome.test', 'c@rome.test', 'd@rome.test']
    const delivering = world.deliver({ to })
    await world.clock.advance('13m')
    expect(await delivering).toMatchObject(
      to.map(recipient => ({
        recipient,
        status: 'deferred',
        scope: 'local',
        reason: 'the attempt was ended',
      })),
    )
  })
})

describe('an end from outside', () => {
  it('ends an attempt at once, and leaves the recipients for later', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ MAIL: silence, extensions: [] })
    const controller = new AbortController()
    const delivering = world.deliver({}, controller.signal)
    await world.clock.settled()
    controller.abort()
    expect(await delivering).toMatchObject([{ status: 'deferred', scope: 'local' }])
    await rome.connections[0]?.closed
  })

  it('says that nothing is known once the final dot is out', async () => {
    await using world = await createOutsideWorld()
    await world.rome({ dot: silence })
    const controller = new AbortController()
    const delivering = world.deliver({}, controller.signal)
    await world.clock.settled()
    controller.abort()
    expect(await delivering).toMatchObject([{ status: 'unknown' }])
  })

  it('is known to come before the final dot, however late it does', async () => {
    await using world = await createOutsideWorld()
    await world.rome()
    const controller = new AbortController()
    const message = {
      size: 0,
      open: () => ({
        [Symbol.asyncIterator]: () => ({
          next: async () => ({ done: true }),
          return: async () => controller.abort(),
        }),
      }),
    } as unknown as MessageSource
    expect(await world.deliver({ message }, controller.signal)).toMatchObject([
      { status: 'deferred', scope: 'local' },
    ])
  })

  it('leaves nothing that listens to its signal behind', async () => {
    await using world = await createOutsideWorld()
    await world.rome()
    const { signal } = new AbortController()
    for (let message = 0; message < 3; message++) await world.deliver({}, signal)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('does not even begin with a signal that was aborted before', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    expect(await world.deliver({}, AbortSignal.abort())).toMatchObject([
      { status: 'deferred', scope: 'local' },
    ])
    expect(rome.connections).toHaveLength(0)
  })

  it.each([
    ['', ['PIPELINING']],
    [' to tell whether it needs SMTPUTF8', []],
  ])('ends an attempt whose message never comes out of storage%s', async (_, extensions) => {
    await using world = await createOutsideWorld()
    await world.rome({ extensions })
    const message: MessageSource = {
      size: 10,
      open: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }),
    }
    const controller = new AbortController()
    const envelope = { sender: 'alice@paris.test', smtputf8: extensions.length === 0 }
    const delivering = world.deliver({ envelope, message }, controller.signal)
    await world.clock.settled()
    controller.abort()
    expect(await delivering).toMatchObject([{ status: 'deferred', scope: 'local' }])
  })
})

describe('a message that cannot be read', () => {
  it.each([
    ['fails to open', () => Promise.reject(new Error('disk on fire'))],
    ['is cut short', () => Promise.resolve({ done: true, value: undefined })],
  ])('%s: it is deferred, and never ended as if it were whole', async (_, next) => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    const message = { size: 10, open: () => ({ [Symbol.asyncIterator]: () => ({ next }) }) } as MessageSource
    expect(await world.deliverOne({ message })).toMatchObject({
      status: 'deferred',
      scope: 'local',
      enhanced: '4.3.0',
    })
    await rome.connections[0]?.closed
    expect(rome.connections[0]?.messages).toEqual([])
  })
})
