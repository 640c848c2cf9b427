import { spawnSync } from 'node:child_process'
import { describe } from 'vitest'

/**
 * `describe` for tests that need foreign programs. Where one is absent the tests are skipped and say so; under
 * `POSTHORN_REQUIRE_TOOLS=1`, as in CI, they fail instead.
 */
export function describeWith(tools: readonly Tool[], name: string, body: () => void): void {
  const absent = tools
    .filter(tool => !isPresent(tool))
    .map(tool => (typeof tool === 'string' ? tool : tool.name))
  if (absent.length === 0 || process.env['POSTHORN_REQUIRE_TOOLS'] === '1') describe(name, body)
  else describe.skip(`${name} — SKIPPED, needs ${absent.join(', ')}`, body)
}

/** A program on the PATH, or a check of one's own such as a module of Debian's python. */
export type Tool =
  | string
  | { readonly name: string; readonly probe: readonly [command: string, ...args: string[]] }

/** Debian's python3 with aiosmtpd. */
export const aiosmtpd: Tool = { name: 'aiosmtpd', probe: ['/usr/bin/python3', '-c', 'import aiosmtpd'] }

/** Debian's python3. */
export const python: Tool = { name: 'python3', probe: ['/usr/bin/python3', '--version'] }

function isPresent(tool: Tool): boolean {
  const [command, ...args] = typeof tool === 'string' ? ['sh', '-c', `command -v ${tool}`] : tool.probe
  return spawnSync(command, args, { env: pathWithSbin() }).status === 0
}

/** The environment with /usr/sbin on the PATH, where Debian keeps servers. */
export function pathWithSbin(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` }
}
