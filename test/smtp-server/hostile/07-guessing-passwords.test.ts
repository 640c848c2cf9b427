import { describe, expect, it } from 'vitest'
import { createLoginThrottle } from '../../../src/core/login-throttle.js'
import { createVirtualClock } from '../../../src/core/virtual-clock.js'
import { plain, startHost } from '../mail-host.js'

const wrong = `AUTH PLAIN ${plain('alice', 'wrong')}`

describe('guessing passwords', () => {
  it('waits longer after each failure of a connection, then ends it', async () => {
    const clock = createVirtualClock()
    const host = await startHost({ allowInsecureAuth: true, clock })
    const client = await host.hello()
    const waits: number[] = []
    for (let guess = 1; guess <= 3; guess++) {
      const failed = host.next('auth:failed')
      const start = clock.monotonic()
      client.send(wrong)
      await failed
      const answered = client.expect('535 5.7.8')
      let done = false
      void answered.then(() => (done = true))
      while (!done) await clock.advance(50)
      await answered
      waits.push(clock.monotonic() - start)
    }
    expect(waits[1]).toBeGreaterThan(waits[0] ?? 0)
    expect(waits[2]).toBeGreaterThan(waits[1] ?? 0)
    expect(await client.closed()).toMatch(/^421 4\.7\.0/)
    expect(host.told('auth:failed')).toHaveLength(3)
  })

  it('remembers failures of an address across connections, whoever is tried, and forgets them', async () => {
    const clock = createVirtualClock()
    const loginThrottle = createLoginThrottle({ failuresPerAddress: 4, delay: 0, window: '10m', clock })
    const host = await startHost({
      allowInsecureAuth: true,
      loginThrottle,
      clock,
      limits: { failedLogins: 2 },
    })
    for (let connection = 0; connection < 2; connection++) {
      const client = await host.hello()
      for (const name of ['alice', 'nobody']) {
        client.send(`AUTH PLAIN ${plain(name, 'wrong')}`)
        const answer = client.expect('535')
        await clock.advance(1)
        await answer
      }
      await client.closed()
    }
    const right = `AUTH PLAIN ${plain('alice', 'secret')}`
    await (await host.hello()).ask(right, '454 4.7.0')
    expect(host.told('auth:failed').at(-1)).toMatchObject({ throttled: true })
    await (await host.hello({ from: '127.0.0.2' })).ask(right, '235')
    await clock.advance('10m')
    await (await host.hello()).ask(right, '235')
  })

  it('takes no oversized base64, NULs, control characters or non-canonical forms', async () => {
    const asked: string[] = []
    const host = await startHost({
      allowInsecureAuth: true,
      limits: { errors: 100 },
      accounts: {
        find: async () => undefined,
        authenticate: async ({ username }) => {
          asked.push(username)
          return undefined
        },
      },
    })
    const client = await host.hello()
    const encode = (text: string) => Buffer.from(text).toString('base64')
    for (const response of [
      encode('\0alice'),
      encode('\0alice\0pass\0more'),
      encode('\0al\nice\0pass'),
      encode('\0\0pass'),
      encode('\0alice\0'),
      encode(`\0${'a'.repeat(2_000)}\0pass`),
      'AGFsaWNl!!!!',
      'AGFs aWNl',
      'A',
      Buffer.from([0, 0xff, 0xfe, 0, 0x41]).toString('base64'),
    ]) {
      await client.ask('AUTH PLAIN', '334')
      await client.ask(response, '501 5.5.2')
    }
    await client.ask('AUTH PLAIN', '334')
    await client.ask('A'.repeat(20_000), '500 5.5.2')
    await client.ask('NOOP', '250')
    expect(asked).toEqual([])
  })

  it('never shows a password in logs or events', async () => {
    const logged: unknown[] = []
    const log = (fields: object, message: string) => logged.push(fields, message)
    const host = await startHost({
      allowInsecureAuth: true,
      logger: { debug: log, info: log, warn: log, error: log },
      accounts: {
        find: async () => undefined,
        authenticate: () => Promise.reject(new Error('down')),
      },
    })
    const client = await host.hello()
    await client.ask(`AUTH PLAIN ${plain('alice', 'pa55word')}`, '454')
    const told = JSON.stringify([logged, host.events])
    expect(told).toMatch(/down|accounts/)
    expect(told).not.toMatch(/pa55word/)
    expect(told).not.toContain(plain('alice', 'pa55word'))
  })
})
