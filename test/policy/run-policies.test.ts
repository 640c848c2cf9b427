import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import type { Policy, PolicyAnswer, SmtpSession } from '../../src/policy/policy.js'
import { type PolicyRun, runPolicies } from '../../src/policy/run-policies.js'

const session = { id: 'test' } as unknown as SmtpSession

function setup(policies: Policy[]) {
  const clock = createVirtualClock()
  const failures: string[] = []
  const run: PolicyRun = {
    policies,
    clock,
    timeout: 1_000,
    onFailure: (policy, phase, error) => failures.push(`${policy} ${phase} ${error.code}`),
  }
  return { clock, failures, result: runPolicies(run, 'hello', policy => policy.hello?.(session)) }
}

const answering = (name: string, answer: () => unknown): Policy => ({
  name,
  hello: answer as () => PolicyAnswer,
})

describe('runPolicies', () => {
  it('asks those that have the phase, in order, and gathers headers', async () => {
    const { result, failures } = setup([
      answering('a', () => ({ action: 'continue', headers: ['A: 1'] })),
      { name: 'without' },
      answering('b', async () => undefined),
      answering('c', async () => ({ action: 'continue', headers: ['B: 2\r\n\tfolded'] })),
    ])
    expect(await result).toEqual({ action: 'continue', headers: ['A: 1', 'B: 2\r\n\tfolded'] })
    expect(failures).toEqual([])
  })

  it('ends at the first refusal', async () => {
    const { result } = setup([
      answering('a', () => undefined),
      answering('b', () => ({ action: 'defer' })),
      answering('c', () => {
        throw new Error('was asked')
      }),
    ])
    expect(await result).toMatchObject({
      action: 'refuse',
      policy: 'b',
      reply: { code: 451, enhanced: '4.7.1' },
    })
  })

  it('ends at the first that has the connection cut', async () => {
    const { result } = setup([
      answering('a', () => ({ action: 'drop' })),
      answering('b', () => ({ action: 'defer' })),
    ])
    expect(await result).toEqual({ action: 'drop', policy: 'a' })
  })

  it('defers for a policy that fails, and tells of it', async () => {
    for (const answer of [
      () => {
        throw new Error('x')
      },
      () => Promise.reject(new Error('x')),
    ]) {
      const { result, failures } = setup([answering('bad', answer)])
      expect(await result).toMatchObject({ action: 'refuse', reply: { code: 451, enhanced: '4.3.0' } })
      expect(failures).toEqual(['bad hello HANDLER_FAILED'])
    }
  })

  it.each([
    [
      'of another realm, as those of Node.js are in Jest',
      () => runInNewContext('Promise.resolve({ action: "reject" })'),
    ],
    // biome-ignore lint/suspicious/noThenProperty: what libraries give that have promises of their own
    ['of a library', () => ({ then: (resolve: (verdict: object) => void) => resolve({ action: 'reject' }) })],
  ])('waits for a promise %s', async (_, answer) => {
    const { result, failures } = setup([answering('a', answer)])
    expect(await result).toMatchObject({ action: 'refuse', reply: { code: 550 } })
    expect(failures).toEqual([])
  })

  it('gives up a policy that never answers', async () => {
    const { clock, result, failures } = setup([answering('mute', () => new Promise(() => {}))])
    await clock.advance(1_001)
    expect(await result).toMatchObject({ action: 'refuse', reply: { code: 451 } })
    expect(failures).toEqual(['mute hello TIMEOUT'])
  })

  it.each([
    ['a word', 'yes'],
    ['null', null],
    ['another action', { action: 'accept' }],
    ['a reply of the wrong class', { action: 'reject', reply: { code: 250, text: 'ok' } }],
    ['a reply without text', { action: 'defer', reply: { code: 450 } }],
    ['a header that is none', { action: 'continue', headers: ['no colon'] }],
    ['a header that ends the header', { action: 'continue', headers: ['A: 1\r\n\r\nbody'] }],
    ['a header that is two', { action: 'continue', headers: ['A: 1\r\nB: 2'] }],
    ['a header with a control', { action: 'continue', headers: ['A: \0'] }],
    ['a header with an empty fold', { action: 'continue', headers: ['A: 1\r\n \r\n b'] }],
  ])('takes %s for a failure', async (_, answer) => {
    const { result, failures } = setup([answering('odd', () => answer)])
    expect(await result).toMatchObject({ action: 'refuse', reply: { code: 451, enhanced: '4.3.0' } })
    expect(failures).toEqual(['odd hello DRIVER_CONTRACT'])
  })
})
