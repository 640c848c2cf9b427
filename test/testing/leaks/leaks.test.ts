import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const run = promisify(execFile)

describe('test mails that are opened and closed', () => {
  it('leave nothing behind, a thousand of them in one process', { timeout: 300_000 }, async () => {
    const { stdout } = await run(
      process.execPath,
      ['--expose-gc', '--import', 'tsx', 'test/testing/leaks/open-and-close.ts', '1000'],
      { maxBuffer: 10_000_000 },
    )
    const { halfway, end } = JSON.parse(stdout)
    // Pipes to this test, and nothing of a server: no socket, no timer.
    expect(end.resources).toBeLessThanOrEqual(halfway.resources)
    expect(end.resources).toBeLessThan(10)
    const perServer = (end.heapUsed - halfway.heapUsed) / 500
    expect(perServer, 'octets of heap that each server leaves').toBeLessThan(4_000)
    expect(end.rss - halfway.rss, 'octets of memory').toBeLessThan(80_000_000)
  })
})
