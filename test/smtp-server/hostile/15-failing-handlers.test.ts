import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../../src/core/virtual-clock.js'
import type { Policy } from '../../../src/policy/policy.js'
import type { Router } from '../../../src/routing/router.js'
import { deliver, plain, startHost } from '../mail-host.js'

const never = () => new Promise<never>(() => {})
const failures: [string, () => never | Promise<never>][] = [
  [
    'throws',
    () => {
      throw new Error('secret inside')
    },
  ],
  ['rejects', () => Promise.reject(new Error('secret inside'))],
  ['rejects with nothing', () => Promise.reject(undefined)],
  ['answers nonsense', () => Promise.resolve({ action: 'maybe' }) as Promise<never>],
]

describe('policies that fail', () => {
  it.each(failures)(
    'a policy that %s gives 451 4.3.0 in each phase, an event, and the session goes on',
    async (_, fail) => {
      for (const phase of ['hello', 'auth', 'mail', 'rcpt', 'message'] as const) {
        let failing = false
        const policy: Policy = { name: 'broken', [phase]: () => (failing ? fail() : undefined) }
        const host = await startHost({ policies: [policy], allowInsecureAuth: true })
        const client = await host.hello()
        const steps: [typeof phase, string, string][] = [
          ['hello', 'EHLO again', '250'],
          ['auth', `AUTH PLAIN ${plain('alice', 'secret')}`, '235'],
          ['mail', 'MAIL FROM:<alice@example.test>', '250'],
          ['rcpt', 'RCPT TO:<bob@example.test>', '250'],
        ]
        for (const [step, command, answer] of steps) {
          failing = step === phase
          if (failing) {
            expect(await client.ask(command, '451 4.3.0')).not.toMatch(/secret inside/)
            failing = false
          }
          if (!(step === 'hello' && phase === 'hello')) await client.ask(command, answer)
          else await client.ask(command, answer)
        }
        failing = phase === 'message'
        await client.ask('DATA', '354')
        client.write('\r\n.\r\n')
        await client.expect(phase === 'message' ? '451 4.3.0' : '250')
        expect(host.told('handler:failed')).toMatchObject([{ handler: 'policy broken', phase }])
      }
    },
  )

  it('a policy that never answers is given up', async () => {
    const clock = createVirtualClock()
    const host = await startHost({ clock, policies: [{ name: 'mute', mail: never }] })
    const client = await host.hello()
    const answer = client.ask('MAIL FROM:<a@b.test>', '451 4.3.0')
    await clock.advance('31s')
    await answer
    await client.ask('NOOP', '250')
    expect(host.told('handler:failed')).toHaveLength(1)
  })

  it('a connect policy that fails turns the client away for now', async () => {
    const host = await startHost({
      policies: [{ name: 'broken', connect: () => Promise.reject(new Error('x')) }],
    })
    const { Conversation } = await import('../conversation.js')
    const client = await Conversation.open(host.port)
    expect(await client.closed()).toMatch(/^451 4\.3\.0/)
  })
})

describe('drivers that fail', () => {
  const router = (route: Router['route']): Router => ({ route, isLocal: () => true })

  it.each(failures)('a router that %s', async (_, fail) => {
    let failing = true
    const target = { account: 'alice', mailbox: 'INBOX' }
    const host = await startHost({
      router: router(() =>
        failing ? fail() : Promise.resolve({ kind: 'accept', local: [target], remote: [], relay: false }),
      ),
    })
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test>', '250')
    expect(await client.ask('RCPT TO:<alice@example.test>', '451 4.3.0')).not.toMatch(/secret/)
    expect(host.told('handler:failed')).toHaveLength(1)
    failing = false
    await client.ask('RCPT TO:<alice@example.test>', '250')
  })

  it('a router and accounts that never answer', async () => {
    const clock = createVirtualClock()
    const host = await startHost({
      clock,
      allowInsecureAuth: true,
      router: router(never),
      accounts: { authenticate: never, find: never },
    })
    const client = await host.hello()
    const login = client.ask(`AUTH PLAIN ${plain('alice', 'secret')}`, '454 4.7.0')
    await clock.advance('61s')
    await login
    await client.ask('MAIL FROM:<a@b.test>', '250')
    const rcpt = client.ask('RCPT TO:<alice@example.test>', '451 4.3.0')
    await clock.advance('61s')
    await rcpt
    expect(host.told('handler:failed')).toHaveLength(2)
  })

  it('a storage that never answers, and one that answers too late', async () => {
    const clock = createVirtualClock()
    let late: (() => void) | undefined
    const host = await startHost({ clock })
    host.storage.accept = () => new Promise((_, reject) => (late = () => reject(new Error('late'))))
    const client = await host.hello()
    const done = deliver(client, { expect: '451 4.3.0' })
    while (late === undefined) await new Promise(resolve => setImmediate(resolve))
    await clock.advance('61s')
    await done
    late()
    await client.ask('NOOP', '250')
    expect(host.told('message:accepted')).toHaveLength(0)
  })

  it('a listener of events that throws', async () => {
    const host = await startHost()
    host.server.on('message:accepted', () => {
      throw new Error('listener')
    })
    host.server.on('session:opened', () => Promise.reject(new Error('listener')))
    await deliver(await host.hello())
  })
})
