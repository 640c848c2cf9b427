import { execFileSync } from 'node:child_process'

/** Makes the package as it is published. A benchmark does so before it starts a process that loads it. */
export function buildPackage(): void {
  execFileSync('npm', ['run', 'build', '--silent'], { stdio: 'inherit' })
}

/**
 * posthorn as it is published, which {@link buildPackage} made. Run from its sources by tsx, every function it makes is
 * given a name first, which costs more than what many of them do.
 */
export function builtPackage(): Promise<typeof import('../../src/index.js')> {
  return import(new URL('../../dist/index.js', import.meta.url).href)
}

/** `posthorn/sqlite`, as {@link builtPackage}. */
export function builtSqlite(): Promise<typeof import('../../src/storage/sqlite/index.js')> {
  return import(new URL('../../dist/storage/sqlite/index.js', import.meta.url).href)
}
