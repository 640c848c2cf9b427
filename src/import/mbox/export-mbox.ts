import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { z } from 'zod'
import { parseOptions } from '../../core/options.js'
import { readHeader } from '../../message/header.js'
import type { MessageSource } from '../../message/message-source.js'
import { fileError } from '../file-error.js'
import { scanLineBreaks, toLf } from '../line-breaks.js'
import { type LinePiece, LineSplitter } from '../line-splitter.js'
import { OctetBuffer } from '../octet-buffer.js'
import { type ExportMboxOptions, exportMboxSchema } from '../options.js'
import { type StoredMessage, storedMessages } from '../store-messages.js'
import { TransferLog, type TransferReport } from '../transfer.js'
import { formatFromLine } from './from-line.js'
import { FromQuoting } from './from-quoting.js'
import { formatMarker } from './mbox-marker.js'
import { statusFields } from './status-fields.js'

/**
 * Exports a mailbox as an mbox (mboxrd), in the order of UIDs: a line `From ` with the sender and the internal date,
 * flags in the fields `Status`, `X-Status` and `X-Keywords`, and above those of the message a field
 * `X-Posthorn-Mbox` with what the format cannot tell, so that `importMbox` gives back every octet and millisecond.
 *
 * A file appears with the first octet and is whole when the promise resolves, on disk; what is there of it after an
 * error is not.
 * @throws MailError `OPTION_INVALID`; `NO_SUCH_MAILBOX`; `FILE_FAILED` when the file exists or cannot be written;
 * `ABORTED`; what the store throws.
 */
export async function exportMbox(options: ExportMboxOptions): Promise<TransferReport> {
  const settings = parseOptions('exportMbox', exportMboxSchema(), options)
  const log = new TransferLog(settings)
  const mailbox = await settings.store.mailbox(settings.account, settings.mailbox)
  log.mailbox(mailbox.name)
  const target =
    settings.stream ??
    createWriteStream(settings.file ?? '', {
      flags: 'wx',
      mode: 0o600,
      flush: true,
      highWaterMark: 256 * 1024,
    })
  try {
    await pipeline(Readable.from(mboxOf(storedMessages(mailbox), mailbox.name, settings, log)), target)
  } catch (thrown) {
    throw fileError('write', settings.file ?? 'the stream', thrown)
  }
  return log.report()
}

async function* mboxOf(
  messages: AsyncIterable<StoredMessage>,
  mailbox: string,
  { lineBreaks }: Pick<z.output<ReturnType<typeof exportMboxSchema>>, 'lineBreaks'>,
  log: TransferLog,
): AsyncGenerator<Uint8Array> {
  for await (const message of messages) {
    log.throwIfAborted()
    yield* mboxMessage(message, lineBreaks)
    log.message(mailbox, message.source.size)
  }
}

/** A message with the line before it and the empty line behind it. */
async function* mboxMessage(
  { record, source }: StoredMessage,
  lineBreaks: 'lf' | 'keep',
): AsyncGenerator<Uint8Array> {
  const { canBeLf, endsLine } = await scanLineBreaks(source)
  const asLf = canBeLf && lineBreaks === 'lf'
  const date = Math.round(record.internalDate)
  const marker = formatMarker({
    date,
    size: source.size,
    lines: asLf ? 'crlf' : 'exact',
    end: endsLine ? 'break' : 'none',
  })
  yield Buffer.from(formatFromLine(await senderOf(source), date) + statusFields(record.flags) + marker)
  yield* quoted(asLf ? toLf(source.open()) : source.open())
  yield Buffer.from(endsLine ? '\n' : '\n\n')
}

async function* quoted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const splitter = new LineSplitter()
  const quoting = new FromQuoting('add')
  const octets = new OctetBuffer()
  const take = (piece: LinePiece) => octets.add(quoting.convert(piece))
  for await (const chunk of chunks) {
    splitter.push(chunk, take)
    yield* octets.takeFull()
  }
  splitter.end(take)
  octets.add(quoting.end())
  yield* octets.takeAll()
}

/** The envelope sender, as the field that a final delivery leaves on top tells it (RFC 5321 §4.4). */
async function senderOf(source: MessageSource): Promise<string> {
  const path = (await readHeader(source)).get('return-path')?.value ?? ''
  return /^<(.*)>$/.exec(path)?.[1] ?? ''
}
