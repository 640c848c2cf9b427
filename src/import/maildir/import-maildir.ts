import type { z } from 'zod'
import { MailError } from '../../core/error.js'
import { parseOptions } from '../../core/options.js'
import { keepMessage } from '../keep-message.js'
import { makeMailbox } from '../make-mailbox.js'
import { type ImportMaildirOptions, importMaildirSchema } from '../options.js'
import { TransferLog, type TransferReport } from '../transfer.js'
import { parseFileName } from './file-name.js'
import { mailboxOf } from './folder-name.js'
import {
  type FoundFile,
  type FoundFolder,
  findFolders,
  listFiles,
  readFile,
  readKeywords,
} from './read-maildir.js'

/**
 * Imports a Maildir with its folders (Maildir++, as Dovecot and Courier lay them out): `cur` and `new` of the directory itself
 * go to `INBOX`, those of `.Sent.2024` to `Sent/2024`, in the order of the times that the names of files begin with.
 * Folders without messages become mailboxes too. Flags come from the names of files, keywords by Dovecot's
 * `dovecot-keywords`, and the internal date is the time a file was last changed. Octets are kept, but for the line breaks that
 * `lineBreaks` speaks of. What `exportMaildir` wrote comes back exactly as it was.
 *
 * A folder or file that cannot be read is reported, and the rest goes on. Importing a Maildir twice stores its messages
 * twice.
 * @throws MailError `OPTION_INVALID`; `FILE_FAILED` when the directory is no Maildir or cannot be read; `ABORTED`; what the
 * store throws (`STORAGE_FULL`, `CLOSED` …) with the file that could not be stored: those before it are kept.
 */
export async function importMaildir(options: ImportMaildirOptions): Promise<TransferReport> {
  const settings = parseOptions('importMaildir', importMaildirSchema(), options)
  const log = new TransferLog(settings)
  const { folders, others } = await findFolders(settings.directory)
  const transfer = new MaildirImport(settings, log)
  for (const folder of folders) await transfer.importFolder(folder)
  for (const file of others) {
    const what = `${file}: a folder of another layout than Maildir++: left out`
    log.problem({ file, mailbox: '', message: what })
  }
  return log.report()
}

class MaildirImport {
  readonly #settings: z.output<ReturnType<typeof importMaildirSchema>>
  readonly #log: TransferLog

  constructor(settings: z.output<ReturnType<typeof importMaildirSchema>>, log: TransferLog) {
    this.#settings = settings
    this.#log = log
  }

  async importFolder(folder: FoundFolder): Promise<void> {
    const mailbox = await this.#makeMailbox(folder)
    if (mailbox === undefined) return
    const { files, problems } = await listFiles(folder)
    for (const problem of problems) this.#report(mailbox, problem.file, problem.what)
    const keywords = await readKeywords(folder)
    for (const file of files) await this.#importFile(mailbox, file, keywords)
  }

  /** The mailbox of a folder, or nothing where it is reported as one that can be no mailbox. */
  async #makeMailbox(folder: FoundFolder): Promise<string | undefined> {
    const { store, account } = this.#settings
    const name = folder.name === '' ? 'INBOX' : mailboxOf(folder.name)
    try {
      return await makeMailbox({ store, account, mailbox: name, log: this.#log })
    } catch (thrown) {
      if (!(thrown instanceof MailError) || thrown.code !== 'OPTION_INVALID') throw thrown
      this.#report(name, folder.path, thrown.message)
      return undefined
    }
  }

  async #importFile(
    mailbox: string,
    file: FoundFile,
    keywords: readonly (string | undefined)[],
  ): Promise<void> {
    this.#log.throwIfAborted()
    const { store, account, lineBreaks, spoolDirectory } = this.#settings
    const { flags, isExact } = parseFileName(file.name, keywords)
    const asCrlf = lineBreaks === 'crlf' && !isExact
    const read = await readFile(file, asCrlf, spoolDirectory)
    if ('problem' in read) {
      this.#report(mailbox, file.shownPath, read.problem)
      return
    }
    const where = file.shownPath
    const found = { message: read.message, internalDate: read.modified, flags, where, place: { file: where } }
    await keepMessage({ store, account, mailbox, log: this.#log }, found)
  }

  #report(mailbox: string, file: string, what: string): void {
    this.#log.problem({ file, mailbox, message: `${file}: ${what}` })
  }
}
