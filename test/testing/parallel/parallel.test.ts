import { fork } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'

describe('tests in eight workers at once', () => {
  it('see their own mail only, and end', { timeout: 180_000 }, async () => {
    const workers = Array.from({ length: 8 }, () =>
      fork('test/testing/parallel/worker.ts', { execArgv: ['--import', 'tsx'] }),
    )
    const results = await Promise.all(
      workers.map(async worker => {
        let seen: unknown
        worker.once('message', message => {
          seen = message
        })
        // One that fails ends without a message.
        const [code] = await once(worker, 'exit')
        return { seen, code }
      }),
    )
    const expected = [0, 1, 2, 3].map(number => [`test ${number}, first`, `test ${number}, second`])
    for (const result of results) expect(result).toEqual({ seen: expected, code: 0 })
  })
})
