import { describe, expect, it } from 'vitest'
import type { Policy, Verdict } from '../../src/policy/policy.js'
import type { PolicyPhase } from '../../src/policy/run-policies.js'
import { Conversation } from './conversation.js'
import { plain, startHost } from './mail-host.js'

const phases = ['hello', 'auth', 'mail', 'rcpt', 'message'] as const
const busy: Verdict = { action: 'defer', reply: { code: 421, enhanced: '4.7.0', text: 'Not now' } }

/** Steps of a session up to the one that is judged, sent at once with what would come after it. */
const steps: readonly [PolicyPhase | 'data', string, string][] = [
  ['hello', 'EHLO client.test', '250'],
  ['auth', `AUTH PLAIN ${plain('alice', 'secret')}`, '235'],
  ['mail', 'MAIL FROM:<alice@example.test>', '250'],
  ['rcpt', 'RCPT TO:<bob@example.test>', '250'],
  ['data', 'DATA', '354'],
  ['message', 'x\r\n.', '250'],
]

/** A host with one policy that answers in one phase, and a client that got there. */
async function judged(phase: PolicyPhase, verdict: Verdict) {
  const policy: Policy = { name: 'ending', [phase]: () => verdict }
  const host = await startHost({ policies: [policy], allowInsecureAuth: true })
  const ended = host.next('session:closed')
  const client = await host.connect()
  for (const [step, line, answer] of steps) {
    if (step !== phase) await client.ask(line, answer)
    else {
      client.write(`${line}\r\nNOOP\r\n`)
      break
    }
  }
  return { host, client, ended }
}

describe('a policy that ends the connection', () => {
  it.each(phases)('with a 421 is heard at %s, and no command after it (RFC 5321 §3.8)', async phase => {
    const { host, client, ended } = await judged(phase, busy)
    expect(await client.closed()).toBe('421 4.7.0 Not now\r\n')
    expect(await ended).toMatchObject({ reason: 'policy', messages: 0 })
    expect(host.batches).toEqual([])
    expect(host.told('recipient:rejected')).toHaveLength(phase === 'rcpt' ? 1 : 0)
    expect(host.told('message:rejected')).toHaveLength(phase === 'message' ? 1 : 0)
  })

  it.each(phases)('without a word cuts it at %s', async phase => {
    const { host, client, ended } = await judged(phase, { action: 'drop' })
    expect(await client.closed()).toBe('')
    expect(await ended).toMatchObject({ reason: 'policy', messages: 0 })
    expect(host.batches).toEqual([])
  })

  it('without a word cuts it before the greeting', async () => {
    const host = await startHost({ policies: [{ name: 'ending', connect: () => ({ action: 'drop' }) }] })
    const ended = host.next('session:closed')
    expect(await (await Conversation.open(host.port)).closed()).toBe('')
    expect(await ended).toMatchObject({ reason: 'policy' })
    expect(host.told('session:refused')).toMatchObject([{ reason: 'policy' }])
    expect(host.told('session:opened')).toEqual([])
  })

  it('with a 421 after a message in LMTP has answered for every recipient (RFC 2033 §4.2)', async () => {
    const host = await startHost({ policies: [{ name: 'ending', message: () => busy }] }, { kind: 'lmtp' })
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<alice@example.test>', '250')
    await client.ask('RCPT TO:<bob@example.test>', '250')
    await client.ask('DATA', '354')
    client.write('x\r\n.\r\n')
    expect(await client.closed()).toBe('421 4.7.0 Not now\r\n421 4.7.0 Not now\r\n')
  })
})
