import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import type { MessageSource } from '../../message/message-source.js'
import { fileError } from '../file-error.js'
import { toLf } from '../line-breaks.js'

/** A message to write into a folder of a Maildir. */
export interface NewMessageFile {
  readonly folder: string
  readonly name: string
  readonly source: MessageSource
  /** Whether its lines end in LF there. */
  readonly asLf: boolean
  /** Epoch milliseconds. */
  readonly modified: number
}

/**
 * Writes a message into `tmp` and moves it to `cur` when it is whole, so that nobody sees a part of it.
 * @throws MailError `FILE_FAILED`.
 */
export async function writeMessageFile({ folder, name, ...message }: NewMessageFile): Promise<void> {
  const temporary = `${folder}/tmp/${name}`
  try {
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await fill(handle, message)
    } finally {
      await handle.close()
    }
    await rename(temporary, `${folder}/cur/${name}`)
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => {})
    throw fileError('write', `${folder}/cur/${name}`, thrown)
  }
}

async function fill(
  handle: FileHandle,
  { source, asLf, modified }: Omit<NewMessageFile, 'folder' | 'name'>,
): Promise<void> {
  const octets = asLf ? toLf(source.open()) : source.open()
  for await (const chunk of octets) await handle.writeFile(chunk)
  const date = new Date(modified)
  await handle.utimes(date, date)
}
