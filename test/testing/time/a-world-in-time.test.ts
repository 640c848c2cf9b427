import net from 'node:net'
import { describe, expect, it } from 'vitest'
import { createTestInternet, createTestMail } from '../../../src/testing/index.js'
import { Conversation } from '../../smtp-server/conversation.js'
import { send } from '../send.js'

const hour = 3_600_000
const day = 24 * hour

describe('one advance', () => {
  it('runs retries, warning, expiry, a greylist, retention and the timeouts of sessions on the way, in order', async () => {
    await using internet = createTestInternet()
    const { clock } = internet
    const start = clock.now()
    const happened: [string, number][] = []
    const note = (what: string) => happened.push([what, (clock.now() - start) / hour])
    const paris = await internet.server('paris.test', {
      users: ['alice'],
      server: { store: { retention: [{ maxAge: '2d' }] } },
    })
    internet.host('mx.slow.test').greylist({ wait: '30m' })
    internet.host('mx.gone.test').on.rcpt().reply(450, '4.2.1 Not today')
    paris.queue.on('recipient:deferred', ({ recipient }) => note(`deferred ${recipient}`))
    paris.queue.on('recipient:delivered', ({ recipient }) => note(`delivered ${recipient}`))
    paris.queue.on('recipient:failed', ({ recipient }) => note(`failed ${recipient}`))
    paris.queue.on('dsn:sent', ({ kind }) => note(`dsn ${kind}`))
    paris.store.on('retention:applied', ({ messages }) => note(`expunged ${messages}`))
    paris.pop3.on('session:closed', () => note('pop3 closed'))
    paris.smtp.on('session:closed', () => note('smtp closed'))
    const { network } = internet.attach('idler.test')
    const idle = await Promise.all([110, 25].map(port => network.connect({ host: paris.address, port })))
    for (const socket of idle) socket.resume()
    await clock.settled()
    for (const to of ['bob@slow.test', 'bob@gone.test']) {
      await paris.queue.send({ from: 'alice@paris.test', to, subject: 'Hello' })
    }
    await clock.advance('31h')
    expect((await paris.inbox('alice')).map(({ from }) => from[0]?.address)).toHaveLength(2)
    await clock.advance(5 * day - 31 * hour)

    const hours = happened.map(([, at]) => at)
    expect(hours).toEqual(hours.toSorted((a, b) => a - b))
    const when = (what: string) => happened.filter(([name]) => name === what).map(([, at]) => at)
    expect(when('delivered bob@slow.test')).toHaveLength(1)
    expect(when('delivered bob@slow.test')[0]).toBeGreaterThanOrEqual(0.5)
    expect(when('deferred bob@gone.test').length).toBeGreaterThan(8)
    expect(when('failed bob@gone.test')[0]).toBeGreaterThan(29)
    expect(when('failed bob@gone.test')[0]).toBeLessThanOrEqual(30)
    expect(when('dsn delayed')[0]).toBeGreaterThanOrEqual(4)
    expect(when('dsn failed')).toEqual(when('failed bob@gone.test'))
    expect(when('pop3 closed').length + when('smtp closed').length).toBe(2)
    for (const at of [...when('pop3 closed'), ...when('smtp closed')]) expect(at).toBeLessThan(0.5)
    // Warning and bounce were in the mailbox, and have gone again, each when it was two days old.
    const expunged = when('expunged 1')
    expect(expunged).toHaveLength(2)
    for (const [index, arrived] of [when('dsn delayed')[0], when('dsn failed')[0]].entries()) {
      const age = (expunged[index] ?? 0) - (arrived ?? 0)
      expect(age).toBeGreaterThanOrEqual(48)
      expect(age).toBeLessThanOrEqual(49)
    }
    expect(await paris.inbox('alice')).toEqual([])
    expect(clock.now()).toBe(start + 5 * day)
  })

  it('of 30 hours takes no longer than seconds with a hundred messages under way', async () => {
    await using internet = createTestInternet({ seed: 1 })
    const paris = await internet.server('paris.test', { users: ['alice'] })
    for (let index = 0; index < 10; index++) {
      internet.host(`mx.domain${index}.test`).on.rcpt().chance(0.7).reply(451, '4.3.0 by chance')
    }
    for (let index = 0; index < 100; index++) {
      await paris.queue.send({
        raw: 'Subject: x\r\n\r\nx\r\n',
        envelope: { sender: 'alice@paris.test', recipients: [`bob${index}@domain${index % 10}.test`] },
      })
    }
    await internet.clock.advance('31h')
    const arrived = Array.from({ length: 10 }, (_, index) => internet.host(`mx.domain${index}.test`).messages)
    const bounced = await paris.inbox('alice')
    const failed = bounced.filter(message =>
      /could not be delivered|undeliver|failed/i.test(message.subject ?? ''),
    )
    expect(arrived.flat().length + failed.length).toBe(100)
    expect(await paris.queue.list()).toEqual([])
  })
})

describe('the clock of a test mail', () => {
  it('ends sessions that say nothing, and takes away mail that is too old', async () => {
    await using mail = await createTestMail({ server: { store: { retention: [{ maxAge: '2d' }] } } })
    await send(mail, { to: 'bob@app.test', subject: 'Old' })
    await mail.waitForMessage({ subject: 'Old' })
    const inbox = await mail.server.store.mailbox('bob@app.test')
    const idlers = await Promise.all([mail.smtp, mail.pop3].map(({ port }) => Conversation.open(port)))
    await Promise.all([idlers[0]?.expect('220'), idlers[1]?.received(3)])
    await mail.clock.advance('1m')
    expect(idlers.map(({ socket }) => socket.readable)).toEqual([true, true])
    await mail.clock.advance('1h')
    expect(await idlers[0]?.closed()).toMatch(/^421 /)
    await idlers[1]?.closed()
    await mail.clock.advance('46h')
    expect((await inbox.status()).messages).toBe(1)
    await mail.clock.advance('3h')
    expect((await inbox.status()).messages).toBe(0)
  })
})

describe('the sockets of a test', () => {
  it('never leave loopback', async () => {
    await using internet = createTestInternet()
    const rome = internet.host('mx.rome.test')
    const socket = await internet.attach('app.test').network.connect({ host: rome.address, port: 25 })
    // Where the system says that it is bound; `localAddress` is the one the other hosts know it by.
    expect([socket.remoteAddress, socket.address()]).toMatchObject(['127.0.0.1', { address: '127.0.0.1' }])
    expect(net.isIPv4(rome.address)).toBe(true)
    socket.destroy()
  })
})
