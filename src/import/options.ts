import type { Writable } from 'node:stream'
import { z } from 'zod'
import { type Clock, systemClock } from '../core/clock.js'
import { functionSchema, lazy, shapeSchema } from '../core/options.js'
import type { MailStore } from '../store/mail-store.js'
import type { TransferProblem, TransferProgress } from './transfer.js'

/** Options that all imports and exports have. */
export interface TransferOptions {
  /** Where mail comes from or goes to. */
  store: MailStore
  /** Whose mail it is. */
  account: string
  /** Called after each message. What it throws ends the transfer. */
  onProgress?: (progress: TransferProgress) => void
  /** Called for each problem, also beyond those that the report lists. What it throws ends the transfer. */
  onProblem?: (problem: TransferProblem) => void
  /** Ends the transfer between two messages; it then rejects with MailError `ABORTED`. */
  signal?: AbortSignal
}

/** Options that all imports have. */
export interface ImportOptions extends TransferOptions {
  /**
   * What becomes of lines that end in a bare LF, as lines do in files on Unix: `crlf` makes them end in CRLF, as mail
   * does; `keep` keeps the octets of the file. What `exportMbox` and `exportMaildir` wrote comes back as it was
   * either way. Default: `crlf`.
   */
  lineBreaks?: 'crlf' | 'keep'
  /** Where messages of more than 1 MiB wait to be stored. Default: the system's directory for temporary files. */
  spoolDirectory?: string
}

/** Options that all exports have. */
export interface ExportOptions extends TransferOptions {
  /**
   * How lines end in the files: `lf` as mail programs on Unix write them, for all messages that lose nothing by it;
   * `keep` as they are in the store. Default: `lf`.
   */
  lineBreaks?: 'lf' | 'keep'
}

/** Options of `importMbox`. Either `file` or `stream`. */
export interface ImportMboxOptions extends ImportOptions {
  /** Where the messages go; made when it does not exist. Default: `INBOX`. */
  mailbox?: string
  /** Path of the file. */
  file?: string
  /** The octets of a file, such as a Readable. */
  stream?: AsyncIterable<Uint8Array>
  /**
   * How lines of text that begin with `From ` are quoted: in `mboxrd` such a line has a `>` more than it had in the
   * message, however many those were; in `mboxo` a line that begins with `>From ` may have been one with `From `, and
   * is taken for one. Default: `mboxrd`.
   */
  format?: 'mboxrd' | 'mboxo'
  /** Dates messages that have no date. Default: the system clock. */
  clock?: Clock
}

/** Options of `exportMbox`. Either `file` or `stream`. */
export interface ExportMboxOptions extends ExportOptions {
  /** Default: `INBOX`. */
  mailbox?: string
  /** Path of a file that does not exist yet; it is made for its owner only. */
  file?: string
  /** Takes the octets of the file, and is ended behind them. */
  stream?: Writable
}

/** Options of `importMaildir`. */
export interface ImportMaildirOptions extends ImportOptions {
  /** The Maildir: the directory that has `cur` and `new`, and a directory `.Sent` for a mailbox `Sent`. */
  directory: string
}

/** Options of `exportMaildir`. */
export interface ExportMaildirOptions extends ExportOptions {
  /** A directory that does not exist yet, or is empty; it is made for its owner only. */
  directory: string
  /** Names of the mailboxes to write. Default: all of the account. */
  mailboxes?: readonly string[]
  /**
   * How names beyond ASCII are written on disk: in the modified UTF-7 of IMAP (RFC 3501 §5.1.3), which Dovecot expects unless
   * its `mailbox_list_utf8` is set, or as they are. Default: `utf-7`.
   */
  folderNames?: 'utf-7' | 'utf-8'
  /** Dates the names of files. Default: the system clock. */
  clock?: Clock
}

const transferShape = lazy(() => ({
  store: shapeSchema<MailStore>('a mail store', ['append', 'mailbox', 'mailboxes', 'createMailbox']),
  account: z.string().min(1),
  onProgress: functionSchema<(progress: TransferProgress) => void>('a function').optional(),
  onProblem: functionSchema<(problem: TransferProblem) => void>('a function').optional(),
  signal: z.instanceof(AbortSignal, { error: 'expected an AbortSignal' }).optional(),
}))
const importShape = lazy(() => ({
  ...transferShape(),
  lineBreaks: z.enum(['crlf', 'keep']).default('crlf'),
  spoolDirectory: z.string().min(1).optional(),
}))
const exportShape = lazy(() => ({ ...transferShape(), lineBreaks: z.enum(['lf', 'keep']).default('lf') }))
const clock = lazy(() =>
  shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(systemClock),
)
const path = lazy(() => z.string().min(1))

const streamOfBytes = lazy(() =>
  z.custom<AsyncIterable<Uint8Array>>(
    value => typeof (value as AsyncIterable<Uint8Array> | null)?.[Symbol.asyncIterator] === 'function',
    { error: 'expected an async iterable of octets, such as a Readable' },
  ),
)

/** Either a file or a stream. */
function hasOneEnd(options: { file?: unknown; stream?: unknown }): boolean {
  return (options.file === undefined) !== (options.stream === undefined)
}

/** Validates {@link ImportMboxOptions}. */
export const importMboxSchema = lazy(() =>
  z
    .strictObject({
      ...importShape(),
      mailbox: z.string().default('INBOX'),
      file: path().optional(),
      stream: streamOfBytes().optional(),
      format: z.enum(['mboxrd', 'mboxo']).default('mboxrd'),
      clock: clock(),
    })
    .refine(hasOneEnd, { error: 'expected either file or stream', path: ['file'] }),
)

/** Validates {@link ExportMboxOptions}. */
export const exportMboxSchema = lazy(() =>
  z
    .strictObject({
      ...exportShape(),
      mailbox: z.string().default('INBOX'),
      file: path().optional(),
      stream: shapeSchema<Writable>('a Writable', ['write', 'end', 'on']).optional(),
    })
    .refine(hasOneEnd, { error: 'expected either file or stream', path: ['file'] }),
)

/** Validates {@link ImportMaildirOptions}. */
export const importMaildirSchema = lazy(() => z.strictObject({ ...importShape(), directory: path() }))

/** Validates {@link ExportMaildirOptions}. */
export const exportMaildirSchema = lazy(() =>
  z.strictObject({
    ...exportShape(),
    directory: path(),
    mailboxes: z.array(z.string()).optional(),
    folderNames: z.enum(['utf-7', 'utf-8']).default('utf-7'),
    clock: clock(),
  }),
)
