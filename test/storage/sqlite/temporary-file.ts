import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

/** A path for a database in a folder of its own, which is removed when the tests of the file have ended. */
export function temporaryFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-sqlite-'))
  folders.push(folder)
  return join(folder, 'mail.db')
}

const folders: string[] = []

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})
