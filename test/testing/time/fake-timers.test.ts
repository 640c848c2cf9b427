import { mock } from 'node:test'
import FakeTimersOfSinon from '@sinonjs/fake-timers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createTestInternet, createVirtualClock } from '../../../src/testing/index.js'

const hour = 3_600_000
const now = Date.UTC(2026, 5, 1)

afterEach(() => {
  vi.useRealTimers()
  mock.timers.reset()
})

/** A letter to a host that puts it off for two hours. */
async function letterToSlowHost(clock = createVirtualClock()) {
  const internet = createTestInternet({ clock })
  const paris = await internet.server('paris.test', { users: ['alice'] })
  const slow = internet.host('mx.slow.test')
  const began = clock.now()
  slow.on.rcpt(() => clock.now() < began + 2 * hour).reply(451, '4.7.1 later')
  await paris.queue.send({
    raw: 'Subject: x\r\n\r\nx\r\n',
    envelope: { sender: 'alice@paris.test', recipients: ['bob@slow.test'] },
  })
  return { internet, slow, began, [Symbol.asyncDispose]: () => internet.close() }
}

describe('fake timers of Vitest', () => {
  it('for dates and timeouts are no matter to the clock', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'setInterval', 'performance'], now })
    await using world = await letterToSlowHost()
    await world.internet.clock.advance('30h')
    expect(world.slow.messages).toHaveLength(1)
    expect(Date.now()).toBe(now)
  })

  it('as they are by default hold sockets up: the clock says so, and how to go on', async () => {
    const clock = createVirtualClock()
    vi.useFakeTimers()
    await expect(clock.advance('30h')).rejects.toMatchObject({
      code: 'TIMERS_FAKED',
      message: expect.stringMatching(/setImmediate.*toFake: .*createVirtualClock\({ fakeTimers: vi }\)/),
    })
    await expect(clock.settled()).rejects.toMatchObject({ code: 'TIMERS_FAKED' })
    vi.useRealTimers()
    await clock.advance('30h')
  })

  it('are moved along by the clock, and tell the same time', async () => {
    vi.useFakeTimers({ now })
    const clock = createVirtualClock({ fakeTimers: vi })
    expect(clock.now()).toBe(now)
    const ran: [string, number][] = []
    const note = (what: string) => ran.push([what, Math.round((Date.now() - now) / 60_000)])
    setTimeout(() => note('app'), 90 * 60_000)
    setImmediate(() => note('immediate'))
    setInterval(() => note('hourly'), hour)
    clock.schedule(2 * hour, () => note('posthorn'))
    await clock.advance('150m')
    expect(ran).toEqual([
      ['immediate', 0],
      ['hourly', 60],
      ['app', 90],
      ['hourly', 120],
      ['posthorn', 120],
    ])
    expect(Date.now()).toBe(now + 150 * 60_000)
    expect(clock.now()).toBe(Date.now())
  })

  it('run what was given to a fake setImmediate while the clock waits for rest', async () => {
    vi.useFakeTimers({ now })
    const clock = createVirtualClock({ fakeTimers: vi })
    const ran = vi.fn()
    setImmediate(ran)
    await clock.settled()
    expect(ran).toHaveBeenCalledTimes(1)
    expect(Date.now()).toBe(now)
  })

  it('moved along let an app send by its own timer, and the mail be retried', async () => {
    vi.useFakeTimers({ now, toFake: ['Date', 'setTimeout', 'setImmediate'] })
    await using world = await letterToSlowHost(createVirtualClock({ fakeTimers: vi, haltAfter: 200 }))
    const { internet, slow } = world
    let sending: Promise<unknown> | undefined
    const paris = await internet.server('lyon.test', { users: ['carol'] })
    setTimeout(() => {
      sending = paris.queue.send({
        raw: 'Subject: y\r\n\r\ny\r\n',
        envelope: { sender: 'carol@lyon.test', recipients: ['bob@slow.test'] },
      })
    }, 5 * hour)
    await internet.clock.advance('30h')
    await sending
    expect(slow.messages.map(message => [message.sender, Math.floor((message.at - now) / hour)])).toEqual([
      ['alice@paris.test', expect.any(Number)],
      ['carol@lyon.test', 5],
    ])
  })
})

describe('fake timers of node:test', () => {
  it('work, and are moved along', async () => {
    mock.timers.enable({ apis: ['Date', 'setTimeout'], now })
    const clock = createVirtualClock({ fakeTimers: mock.timers })
    const ran: number[] = []
    setTimeout(() => ran.push(Date.now() - now), 2 * hour)
    clock.schedule(3 * hour, () => ran.push(clock.now() - now))
    await clock.advance('5h')
    expect(ran).toEqual([2 * hour, 3 * hour])
    expect(Date.now()).toBe(clock.now())
  })

  it('that fake setImmediate hold sockets up, and the clock says so', async () => {
    mock.timers.enable()
    await expect(createVirtualClock().advance(1)).rejects.toMatchObject({ code: 'TIMERS_FAKED' })
  })
})

describe('fake timers of sinon', () => {
  it('that fake nextTick or queueMicrotask hold sockets up in any case', async () => {
    const fakes = FakeTimersOfSinon.install({ now })
    try {
      const clock = createVirtualClock({ fakeTimers: fakes })
      await expect(clock.settled()).rejects.toMatchObject({
        code: 'TIMERS_FAKED',
        message: expect.stringContaining('nextTick, queueMicrotask'),
      })
    } finally {
      fakes.uninstall()
    }
  })

  it('without them are moved along', async () => {
    const fakes = FakeTimersOfSinon.install({ now, toFake: ['Date', 'setTimeout', 'setImmediate'] })
    try {
      const clock = createVirtualClock({ fakeTimers: fakes })
      const ran: number[] = []
      setTimeout(() => ran.push(Date.now() - now), 2 * hour)
      await clock.advance('5h')
      expect(ran).toEqual([2 * hour])
    } finally {
      fakes.uninstall()
    }
  })
})

describe('createVirtualClock', () => {
  it('refuses what are no fake timers, and to run by itself with them', () => {
    expect(() => createVirtualClock({ fakeTimers: {} })).toThrow(
      /createVirtualClock: fakeTimers: expected vi/,
    )
    expect(() => createVirtualClock({ fakeTimers: vi, runs: true })).toThrow(/runs/)
  })
})
