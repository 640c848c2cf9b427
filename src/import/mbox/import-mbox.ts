import { createReadStream } from 'node:fs'
import type { z } from 'zod'
import { parseOptions } from '../../core/options.js'
import { readHeader } from '../../message/header.js'
import { createMessageSpool, type MessageSpool } from '../../message/message-spool.js'
import { fileError } from '../file-error.js'
import { type ImportTarget, keepMessage } from '../keep-message.js'
import { makeMailbox } from '../make-mailbox.js'
import { type ImportMboxOptions, importMboxSchema } from '../options.js'
import { TransferLog, type TransferReport } from '../transfer.js'
import type { MboxMessage } from './mbox-message.js'
import { MboxParser, type MboxPart, type MboxPlace } from './mbox-parser.js'

/**
 * Imports an mbox into a mailbox, message by message in the order of the file. Flags come from the fields `Status`,
 * `X-Status` and `X-Keywords`, which are not part of the message; the internal date comes from the line `From `, or
 * from the field `Date` where that has none. Octets are kept, but for the line breaks that `lineBreaks` speaks of.
 * A message that `exportMbox` wrote comes back exactly as it was.
 *
 * The mailbox is made where it is not there, also for an mbox without messages. Importing a file twice stores its messages
 * twice.
 * @throws MailError `OPTION_INVALID`; `FILE_FAILED` when the file cannot be read; `ABORTED`; what the store throws
 * (`STORAGE_FULL`, `CLOSED` …) with the line of the message that could not be stored: those before it are kept.
 */
export async function importMbox(options: ImportMboxOptions): Promise<TransferReport> {
  const settings = parseOptions('importMbox', importMboxSchema(), options)
  const log = new TransferLog(settings)
  await new MboxImport(settings, log).run()
  return log.report()
}

type Settings = z.output<ReturnType<typeof importMboxSchema>>

/** A message that is being read. */
interface Incoming {
  readonly spool: MessageSpool
  readonly place: MboxPlace
  readonly date: number | undefined
}

class MboxImport {
  readonly #settings: Settings
  #target: ImportTarget
  #making: Promise<void> | undefined
  readonly #name: string
  #incoming: Incoming | undefined

  constructor(settings: Settings, log: TransferLog) {
    const { store, account, mailbox } = settings
    this.#settings = settings
    this.#target = { store, account, mailbox, log }
    this.#name = settings.file ?? 'the stream'
  }

  async run(): Promise<void> {
    const parser = new MboxParser(this.#settings)
    try {
      for await (const chunk of this.#open()) {
        await this.#makeMailbox()
        await this.#takeAll(parser.push(chunk))
      }
      await this.#makeMailbox()
      await this.#takeAll(parser.end())
    } finally {
      await this.#incoming?.spool.discard()
    }
  }

  /** Once something was read: a file that is not there makes no mailbox. */
  #makeMailbox(): Promise<void> {
    this.#making ??= makeMailbox(this.#target).then(mailbox => {
      this.#target = { ...this.#target, mailbox }
    })
    return this.#making
  }

  async *#open(): AsyncGenerator<Uint8Array> {
    const { file, stream } = this.#settings
    try {
      yield* file === undefined ? (stream ?? []) : createReadStream(file, { highWaterMark: 256 * 1024 })
    } catch (thrown) {
      throw fileError('read', this.#name, thrown)
    }
  }

  async #takeAll(parts: readonly MboxPart[]): Promise<void> {
    for (const part of parts) {
      const taking = this.#take(part)
      if (taking) await taking
    }
  }

  #take(part: MboxPart): void | Promise<void> {
    if (part.kind === 'octets') return this.#incoming?.spool.write(part.octets)
    if (part.kind === 'end') return this.#keep(part.message)
    if (part.kind === 'doubt') return this.#report(part.place, part.what)
    this.#target.log.throwIfAborted()
    const { spoolDirectory } = this.#settings
    const spool = createMessageSpool(spoolDirectory === undefined ? {} : { directory: spoolDirectory })
    this.#incoming = { spool, place: part.place, date: part.from.date }
  }

  async #keep({ marker, flags, size }: MboxMessage): Promise<void> {
    const incoming = this.#incoming
    if (!incoming) return
    const { spool, place } = incoming
    const message = await spool.finish()
    this.#incoming = undefined
    if (marker && marker.size !== size) {
      const what = `the message had ${marker.size} octets when it was exported and has ${size}`
      this.#report(place, `${what}: it was changed or cut since`)
    }
    const internalDate = marker?.date ?? incoming.date ?? (await this.#dateField(message))
    const where = this.#where(place)
    await keepMessage(this.#target, { message, flags, internalDate, where, place: this.#placeOf(place) })
  }

  async #dateField(message: Parameters<typeof readHeader>[0]): Promise<number> {
    const date = Date.parse((await readHeader(message)).get('date')?.value ?? '')
    return Number.isNaN(date) ? this.#settings.clock.now() : date
  }

  #report(place: MboxPlace, what: string): void {
    const { log, mailbox } = this.#target
    log.problem({ ...this.#placeOf(place), mailbox, message: `${this.#where(place)}: ${what}` })
  }

  #where({ line }: MboxPlace): string {
    return `${this.#name}, line ${line}`
  }

  #placeOf({ line, offset }: MboxPlace) {
    const { file } = this.#settings
    return { ...(file !== undefined && { file }), line, offset }
  }
}
