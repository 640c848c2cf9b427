import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { MailError } from '../../core/error.js'
import type { SqliteDatabase } from './sqlite-database.js'

/**
 * Writes a copy of the database as it is at one moment, while others go on reading and writing. The copy appears under
 * its name when it is whole and on the disk.
 * @throws MailError `OPTION_INVALID` when the file exists.
 */
export function backupDatabase(database: SqliteDatabase, target: string): void {
  if (existsSync(target)) {
    throw new MailError('OPTION_INVALID', `backup: ${target} exists, expected the path of a new file`)
  }
  const partial = `${target}.partial`
  rmSync(partial, { force: true })
  try {
    database.prepare('VACUUM INTO ?').run(partial)
    syncToDisk(partial)
    renameSync(partial, target)
  } catch (thrown) {
    rmSync(partial, { force: true })
    throw thrown
  }
  syncFolder(dirname(target))
}

function syncToDisk(path: string): void {
  const file = openSync(path, 'r+')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** The name of a new file is on the disk when its folder is; Windows has no such thing. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
