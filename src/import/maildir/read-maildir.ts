import { isUtf8 } from 'node:buffer'
import { type FileHandle, open, readdir, readFile as readWholeFile } from 'node:fs/promises'
import { describeError, MailError } from '../../core/error.js'
import { createMessageSpool, type SpooledMessage } from '../../message/message-spool.js'
import { fileError, isSystemError } from '../file-error.js'
import { toCrlf } from '../line-breaks.js'
import { compareFileNames } from './file-name.js'
import { parseKeywords } from './keywords.js'

/** A directory with `cur` or `new` in it. */
export interface FoundFolder {
  /** `''` for the Maildir itself. */
  readonly name: string
  readonly path: string
}

/** A file with a message in it. */
export interface FoundFile {
  /** Octets as characters (latin1): the names of files need not be text. */
  readonly name: string
  readonly path: Buffer
  /** For people. */
  readonly shownPath: string
}

const messageFolders = ['new', 'cur']

/**
 * The folders of a Maildir, itself first, the others by name; and directories that may be folders of another layout.
 * @throws MailError `FILE_FAILED` when it is no Maildir.
 */
export async function findFolders(directory: string): Promise<{ folders: FoundFolder[]; others: string[] }> {
  const names = await directoriesIn(directory)
  const folders: FoundFolder[] = []
  const others: string[] = []
  if (names.some(name => messageFolders.includes(name))) folders.push({ name: '', path: directory })
  for (const name of names.sort()) {
    const path = `${directory}/${name}`
    if (messageFolders.includes(name) || !(await isFolder(path))) continue
    if (name.startsWith('.')) folders.push({ name, path })
    else others.push(path)
  }
  if (folders.length > 0) return { folders, others }
  throw new MailError('FILE_FAILED', `${directory} is no Maildir: it has neither cur nor new`)
}

async function directoriesIn(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    return entries.filter(entry => entry.isDirectory()).map(entry => entry.name)
  } catch (thrown) {
    throw fileError('read', directory, thrown)
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await directoriesIn(path)).some(name => messageFolders.includes(name))
  } catch {
    // Listing its files will say what is wrong, if it is a folder.
    return path.slice(path.lastIndexOf('/')).startsWith('/.')
  }
}

/** The messages of a folder in the order of their delivery, and what is in their place and cannot be one. */
export async function listFiles(
  folder: FoundFolder,
): Promise<{ files: FoundFile[]; problems: { file: string; what: string }[] }> {
  const files: FoundFile[] = []
  const problems: { file: string; what: string }[] = []
  for (const part of messageFolders) {
    const path = `${folder.path}/${part}`
    try {
      for (const entry of await readdir(path, { withFileTypes: true, encoding: 'latin1' })) {
        if (entry.name.startsWith('.')) continue
        const file = fileAt(path, entry.name)
        if (entry.isFile()) files.push(file)
        else problems.push({ file: file.shownPath, what: 'not a file: left out' })
      }
    } catch (thrown) {
      if (!isSystemError(thrown, 'ENOENT')) problems.push({ file: path, what: describeError(thrown) })
    }
  }
  files.sort((a, b) => compareFileNames(a.name, b.name))
  return { files, problems }
}

function fileAt(directory: string, name: string): FoundFile {
  const octets = Buffer.from(name, 'latin1')
  const shown = isUtf8(octets) ? octets.toString() : name
  return {
    name,
    path: Buffer.concat([Buffer.from(`${directory}/`), octets]),
    shownPath: `${directory}/${shown}`,
  }
}

/** Dovecot's names for the letters from `a` on; none where there is no such file. */
export async function readKeywords(folder: FoundFolder): Promise<(string | undefined)[]> {
  try {
    return parseKeywords(await readWholeFile(`${folder.path}/dovecot-keywords`, 'utf8'))
  } catch {
    return []
  }
}

/** Reads a file into a spool; what is wrong with the file is a problem, and the caller's to report. */
export async function readFile(
  { path }: FoundFile,
  asCrlf: boolean,
  directory: string | undefined,
): Promise<{ message: SpooledMessage; modified: number } | { problem: string }> {
  const spool = createMessageSpool(directory === undefined ? {} : { directory })
  let handle: FileHandle | undefined
  try {
    handle = await open(path, 'r')
    const modified = Math.round((await handle.stat()).mtimeMs)
    const octets = handle.createReadStream({ autoClose: false, highWaterMark: 256 * 1024 })
    for await (const chunk of asCrlf ? toCrlf(octets) : octets) {
      const writing = spool.write(chunk)
      if (writing) await writing
    }
    return { message: await spool.finish(), modified }
  } catch (thrown) {
    await spool.discard()
    if (thrown instanceof MailError) throw thrown
    return { problem: describeError(thrown) }
  } finally {
    await handle?.close()
  }
}
