import { mkdir, readdir, writeFile } from 'node:fs/promises'
import type { z } from 'zod'
import { MailError } from '../../core/error.js'
import { parseOptions } from '../../core/options.js'
import { newTraceId } from '../../core/trace.js'
import type { Mailbox } from '../../store/mail-store.js'
import { fileError, isSystemError } from '../file-error.js'
import { scanLineBreaks } from '../line-breaks.js'
import { type ExportMaildirOptions, exportMaildirSchema } from '../options.js'
import { type StoredMessage, storedMessages } from '../store-messages.js'
import { TransferLog, type TransferReport } from '../transfer.js'
import { formatFileName, letterOf } from './file-name.js'
import { folderOf } from './folder-name.js'
import { KeywordLetters } from './keywords.js'
import { writeMessageFile } from './write-message-file.js'

/**
 * Exports the mailboxes of an account as a Maildir with folders (Maildir++, as Dovecot and Courier lay them out), empty ones
 * too: `INBOX` as the directory itself, `Sent/2024` as `.Sent.2024`. Flags are in the names of files, keywords by
 * Dovecot's `dovecot-keywords`, and the internal date is the time a file was last changed. `importMaildir` gives back every
 * octet and millisecond, in the order of UIDs.
 *
 * A keyword beyond the 26 that a folder has letters for, and a mailbox whose name the file system cannot hold, are reported and
 * left out. Files are whole, as each is renamed to its place behind its last octet; a machine that loses its power may lose
 * those written last.
 * @throws MailError `OPTION_INVALID`; `NO_SUCH_MAILBOX` for one that was asked for; `FILE_FAILED` when the directory is not
 * empty or cannot be written; `ABORTED`; what the store throws.
 */
export async function exportMaildir(options: ExportMaildirOptions): Promise<TransferReport> {
  const settings = parseOptions('exportMaildir', exportMaildirSchema(), options)
  const { store, account, directory } = settings
  const log = new TransferLog(settings)
  const names = settings.mailboxes ?? (await store.mailboxes(account)).map(({ name }) => name)
  const mailboxes: Mailbox[] = []
  for (const name of names) mailboxes.push(await store.mailbox(account, name))
  await makeEmptyDirectory(directory)
  const transfer = new MaildirExport(settings, log)
  for (const mailbox of mailboxes) await transfer.exportMailbox(mailbox)
  return log.report()
}

async function makeEmptyDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    if ((await readdir(directory)).length > 0) {
      throw new MailError('FILE_FAILED', `cannot export to ${directory}: it is not empty`)
    }
    await makeMessageFolders(directory)
  } catch (thrown) {
    throw fileError('make', directory, thrown)
  }
}

async function makeMessageFolders(directory: string): Promise<void> {
  for (const part of ['tmp', 'new', 'cur']) await mkdir(`${directory}/${part}`, { mode: 0o700 })
}

class MaildirExport {
  readonly #settings: z.output<ReturnType<typeof exportMaildirSchema>>
  readonly #log: TransferLog
  readonly #id = newTraceId()
  readonly #seconds: number

  constructor(settings: z.output<ReturnType<typeof exportMaildirSchema>>, log: TransferLog) {
    this.#settings = settings
    this.#log = log
    this.#seconds = Math.max(0, Math.floor(settings.clock.now() / 1_000))
  }

  async exportMailbox(mailbox: Mailbox): Promise<void> {
    const folder = folderOf(mailbox.name, this.#settings.folderNames)
    const path = folder === '' ? this.#settings.directory : `${this.#settings.directory}/${folder}`
    if (folder !== '' && !(await this.#makeFolder(mailbox, path))) return
    this.#log.mailbox(mailbox.name)
    const keywords = new KeywordLetters()
    const lost = new Set<string>()
    for await (const message of storedMessages(mailbox)) {
      this.#log.throwIfAborted()
      const { letters, without } = lettersOf(message.record.flags, keywords)
      for (const keyword of without)
        if (!lost.has(keyword)) this.#reportKeyword(mailbox, path, lost.add(keyword))
      await this.#writeMessage(path, message, letters)
      this.#log.message(mailbox.name, message.source.size)
    }
    await writeKeywords(path, keywords)
  }

  /** Makes the directory of a mailbox. Gives whether its name can be one. */
  async #makeFolder({ name: mailbox }: Mailbox, path: string): Promise<boolean> {
    try {
      await mkdir(path, { mode: 0o700 })
      await makeMessageFolders(path)
      await writeFile(`${path}/maildirfolder`, '', { mode: 0o600 })
      return true
    } catch (thrown) {
      if (!isSystemError(thrown, 'ENAMETOOLONG', 'EEXIST', 'EILSEQ', 'EINVAL')) {
        throw fileError('make', path, thrown)
      }
      const { message } = fileError('make', path, thrown)
      this.#log.problem({
        mailbox,
        file: path,
        message: `mailbox ${JSON.stringify(mailbox)} is left out: ${message}`,
      })
      return false
    }
  }

  #reportKeyword({ name: mailbox }: Mailbox, file: string, lost: ReadonlySet<string>): void {
    const keyword = [...lost].at(-1)
    const what = `the keyword ${keyword} is left out, as a folder has letters for 26`
    this.#log.problem({ mailbox, file, message: `mailbox ${JSON.stringify(mailbox)}: ${what}` })
  }

  async #writeMessage(path: string, { record, source }: StoredMessage, letters: string[]): Promise<void> {
    const { canBeLf, lines } = await scanLineBreaks(source)
    const asLf = canBeLf && this.#settings.lineBreaks === 'lf'
    const number = String(this.#log.messages).padStart(10, '0')
    const name = formatFileName({
      seconds: this.#seconds,
      id: `Q${number}_${this.#id}`,
      isExact: !asLf,
      size: asLf ? source.size - lines : source.size,
      crlfSize: source.size,
      letters,
    })
    await writeMessageFile({ folder: path, name, source, asLf, modified: Math.round(record.internalDate) })
  }
}

function lettersOf(
  flags: readonly string[],
  keywords: KeywordLetters,
): { letters: string[]; without: string[] } {
  const letters: string[] = []
  const without: string[] = []
  for (const flag of flags) {
    const letter = letterOf(flag) ?? keywords.letterOf(flag)
    if (letter === undefined) without.push(flag)
    else letters.push(letter)
  }
  return { letters, without }
}

async function writeKeywords(folder: string, keywords: KeywordLetters): Promise<void> {
  const text = keywords.format()
  if (text === '') return
  const path = `${folder}/dovecot-keywords`
  try {
    await writeFile(path, text, { mode: 0o600 })
  } catch (thrown) {
    throw fileError('write', path, thrown)
  }
}
