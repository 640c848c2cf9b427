import { describe, expect, it } from 'vitest'
import { createTestInternet, type ScriptedHost } from '../../src/testing/index.js'

const raw = 'Subject: Hello\r\nFrom: alice@paris.test\r\n\r\nHow are you?\r\n'

/** What becomes of a letter to a scripted host, from the first attempt to the end of 31 hours. */
async function fate(prepare: (rome: ScriptedHost, second: ScriptedHost) => void, hours = 31) {
  await using internet = createTestInternet({ seed: 1 })
  const paris = await internet.server('paris.test', { users: ['alice'] })
  const rome = internet.host('mx.rome.test')
  const second = internet.host('mx2.rome.test')
  internet.dns.set('rome.test', { mx: ['10 mx.rome.test', '20 mx2.rome.test'] })
  prepare(rome, second)
  await paris.queue.send({ raw, envelope: { sender: 'alice@paris.test', recipients: ['bob@rome.test'] } })
  await internet.clock.advance(`${hours}h`)
  const told = (await paris.inbox('alice')).map(message => message.text ?? '')
  return {
    rome: rome.messages.length,
    second: second.messages.length,
    told: told.length,
    text: told.join('\n'),
    attempts: rome.connections.length,
    waiting: (await paris.queue.list()).length,
  }
}

const sixTimes = 6

describe('a letter, from the first attempt to its end', () => {
  it.each<[string, (rome: ScriptedHost) => void]>([
    ['a greylist', rome => rome.greylist({ wait: '10m' })],
    ['4xx to RCPT', rome => rome.on.rcpt().times(sixTimes).reply(450, '4.2.1 Later')],
    ['4xx to MAIL', rome => rome.on.mail().times(sixTimes).reply(451, '4.3.0 Later')],
    ['4xx to DATA', rome => rome.on.data().times(sixTimes).reply(451, '4.3.0 Later')],
    ['4xx to the message', rome => rome.on.message().times(sixTimes).reply(452, '4.3.1 Full')],
  ])('%s: waits for that host, and is delivered once', async (_, prepare) => {
    expect(await fate(prepare)).toMatchObject({ rome: 1, second: 0, waiting: 0 })
  })

  it.each<[string, (rome: ScriptedHost) => void]>([
    ['421 in the greeting', rome => rome.on.connect().reply(421, '4.3.2 Busy')],
    ['421 to MAIL', rome => rome.on.mail().reply(421, '4.7.28 Too fast')],
    ['a reset after the greeting', rome => rome.on.ehlo().drop()],
    ['a drop in the envelope', rome => rome.on.connect().dropAfterReceiving(50)],
    ['a reply cut short', rome => rome.on.mail().dropAfterSending(7).accept()],
    ['a banner without end', rome => rome.on.connect().flood('220-welcome\r\n')],
    ['a reply without end', rome => rome.on.rcpt().flood('250-and so on\r\n')],
    ['silence', rome => rome.on.connect().silence()],
  ])('%s: goes to the next host', async (_, prepare) => {
    expect(await fate(prepare, 2)).toMatchObject({ rome: 0, second: 1, told: 0, waiting: 0 })
  })

  it.each<[string, (rome: ScriptedHost) => void, string]>([
    ['5xx to MAIL', rome => rome.on.mail().reply(550, '5.7.1 Not from you'), '5.7.1 Not from you'],
    ['5xx to RCPT', rome => rome.on.rcpt().reply(550, '5.1.1 Who?'), '5.1.1 Who?'],
    ['5xx to DATA', rome => rome.on.data().reply(554, '5.7.1 No'), '5.7.1 No'],
    ['5xx to the message', rome => rome.on.message().reply(554, '5.7.1 Spam'), '5.7.1 Spam'],
  ])('%s: comes back at once, with what was said', async (_, prepare, said) => {
    const seen = await fate(prepare, 0)
    expect(seen).toMatchObject({ rome: 0, second: 0, told: 1, waiting: 0 })
    expect(seen.text).toContain(said)
  })

  it('that may have arrived is not handed to the next host, but tried again later: at most doubled', async () => {
    const lost = await fate(rome => rome.on.message().times(1).dropAfterSending(3).accept(), 4)
    expect(lost).toMatchObject({ second: 0, told: 0, waiting: 0, attempts: 2 })
    expect(lost.rome).toBeGreaterThanOrEqual(1)
    expect(lost.rome).toBeLessThanOrEqual(2)
    const silent = await fate(rome => rome.on.message().times(1).silence(), 4)
    expect(silent).toMatchObject({ rome: 1, second: 0, told: 0, waiting: 0 })
  })

  it('is warned of and returned when nobody takes it for 30 hours, without control characters of the server', async () => {
    const seen = await fate((rome, second) => {
      for (const host of [rome, second]) {
        host.on.rcpt().run('450 4.2.1 Not \u0007\u001b[31mtoday\u0000')
      }
    })
    expect(seen).toMatchObject({ rome: 0, second: 0, told: 2, waiting: 0 })
    expect(seen.text).toContain('Not')
    expect(seen.text).not.toMatch(/[\u0000-\u0008\u000b\u001b]/)
  })

  it.each(['stripped', 'refused', 'stalled', 'garbage', 'dropped', 'handshake-failure'] as const)(
    'goes in the clear to a host whose TLS is %s, as nothing asks for more',
    async fault => {
      expect(await fate(rome => rome.breakTls(fault), 1)).toMatchObject({ rome: 1, second: 0, waiting: 0 })
    },
  )

  it('keeps its place when the clock of the machine jumps', async () => {
    await using internet = createTestInternet()
    const paris = await internet.server('paris.test', { users: ['alice'] })
    const rome = internet.host('mx.rome.test')
    rome.on.rcpt().times(2).reply(450, '4.2.1 Later')
    await paris.queue.send({ raw, envelope: { sender: 'alice@paris.test', recipients: ['bob@rome.test'] } })
    await internet.clock.settled()
    internet.clock.jump(-3 * 3_600_000)
    await internet.clock.advance('8h')
    expect(rome.messages).toHaveLength(1)
    expect(await paris.queue.list()).toEqual([])
  })
})

describe('hostile names', () => {
  it.each<[string, (internet: ReturnType<typeof createTestInternet>) => void]>([
    ['an MX on loopback', internet => internet.dns.set('mx.evil.test', { a: '127.0.0.1' })],
    ['an MX on a private network', internet => internet.dns.set('mx.evil.test', { a: '10.0.0.1' })],
    [
      'a circle of aliases',
      internet => {
        internet.dns.remove('mx.evil.test')
        internet.dns.set('mx.evil.test', { cname: 'mx2.evil.test' })
        internet.dns.set('mx2.evil.test', { cname: 'mx.evil.test' })
      },
    ],
    [
      'a thousand exchangers',
      internet => {
        const mx = Array.from({ length: 1000 }, (_, index) => `${index} mx${index}.nowhere.test`)
        internet.dns.set('evil.test', { mx })
      },
    ],
  ])('%s: costs one letter, and the others go', async (_, prepare) => {
    await using internet = createTestInternet()
    const paris = await internet.server('paris.test', { users: ['alice'] })
    const rome = internet.host('mx.rome.test')
    internet.dns.set('evil.test', { mx: 'mx.evil.test' })
    prepare(internet)
    for (const to of ['x@evil.test', 'bob@rome.test']) {
      await paris.queue.send({ raw, envelope: { sender: 'alice@paris.test', recipients: [to] } })
    }
    await internet.clock.advance('31h')
    expect(rome.messages).toHaveLength(1)
    expect(await paris.queue.list()).toEqual([])
    expect((await paris.inbox('alice')).length).toBeGreaterThan(0)
  })
})
