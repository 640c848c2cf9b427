import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'

/**
 * `describe` for tests that need a file system of their own, of 4 MiB. Where this process may mount none the tests are
 * skipped and say so; under `POSTHORN_REQUIRE_TOOLS=1`, as in CI, they fail instead.
 */
export function describeOnSmallDisk(name: string, body: (disk: () => string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-disk-'))
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder])
  const isMounted = status === 0
  const disk = () => {
    if (isMounted) return folder
    throw new Error(`no file system could be mounted: ${stderr ?? 'there is no mount'}`)
  }
  afterAll(() => {
    if (isMounted) spawnSync('umount', [folder])
    rmSync(folder, { recursive: true, force: true })
  })
  if (isMounted || process.env['POSTHORN_REQUIRE_TOOLS'] === '1') describe(name, () => body(disk))
  else describe.skip(`${name} — SKIPPED, needs leave to mount a tmpfs`, () => body(disk))
}

/** Writes until nothing more fits. */
export function fill(path: string): void {
  for (let pieces = 0; pieces < 64; pieces++) {
    try {
      writeFileSync(path, Buffer.alloc(65_536), { flag: 'a' })
    } catch {
      return
    }
  }
}
