import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Accounts } from '../../accounts/accounts.js'
import { tryParseAddress } from '../../core/address.js'
import { describeError, MailError } from '../../core/error.js'
import { importMaildir } from '../../import/maildir/import-maildir.js'
import { importMbox } from '../../import/mbox/import-mbox.js'
import { parseMessage } from '../../message/parse-message.js'
import { bytesSource } from '../../message/sources.js'
import type { MailStore } from '../../store/mail-store.js'

/** A message to begin with. */
export interface SeedMessage {
  /** The whole message; lines may end in LF. */
  raw: string | Uint8Array
  /** Whose mailbox it is in. Default: those of its `To:` and `Cc:`. */
  to?: string | readonly string[]
  /** IMAP flags such as `\Seen`. Default: none. */
  flags?: readonly string[]
  /** Default: `INBOX`. */
  mailbox?: string
}

/** Options of `mail.seed()`. */
export interface SeedOptions {
  /** Whose mailbox the messages are in. Needed for an mbox file and a Maildir. */
  to?: string
}

/** What seeding needs of a server. */
interface SeedTarget {
  readonly store: MailStore
  readonly accounts: Accounts
}

/**
 * Puts mail into mailboxes, as if it had been there before: it does not arrive.
 * @param source - an `.eml` file, a directory of such, a Maildir, an mbox file, or messages
 * @returns how many messages were put in
 */
export async function seedMail(
  target: SeedTarget,
  source: string | readonly SeedMessage[],
  { to }: SeedOptions,
): Promise<number> {
  if (typeof source !== 'string') {
    for (const message of source) await seedOne(target, message)
    return source.length
  }
  const kind = await kindOf(source)
  if (kind === 'message') return seedFiles(target, [source], to)
  if (kind === 'directory') return seedFiles(target, await filesOf(source), to)
  if (to === undefined) {
    throw new MailError('OPTION_INVALID', `seed: to: got nothing, expected whose mailbox ${source} is`)
  }
  const account = await accountOf(target.accounts, to)
  const { store } = target
  const report =
    kind === 'maildir'
      ? await importMaildir({ store, account, directory: source })
      : await importMbox({ store, account, file: source })
  const [problem] = report.problems
  if (!problem) return report.messages
  const others = report.problemCount > 1 ? `, and ${report.problemCount - 1} more such` : ''
  throw new MailError('FILE_FAILED', `seed: ${problem.message}${others}`)
}

async function kindOf(path: string): Promise<'directory' | 'maildir' | 'mbox' | 'message'> {
  try {
    if (!(await stat(path)).isDirectory()) return isMessageFile(path) ? 'message' : 'mbox'
    const names = await readdir(path)
    return names.includes('cur') && names.includes('new') ? 'maildir' : 'directory'
  } catch (cause) {
    throw new MailError('FILE_FAILED', `seed: cannot read ${path}: ${describeError(cause)}`, { cause })
  }
}

function isMessageFile(path: string): boolean {
  return path.toLowerCase().endsWith('.eml')
}

async function filesOf(directory: string): Promise<string[]> {
  const names = await readdir(directory)
  return names
    .filter(isMessageFile)
    .sort()
    .map(name => join(directory, name))
}

async function seedFiles(
  target: SeedTarget,
  paths: readonly string[],
  to: string | undefined,
): Promise<number> {
  for (const path of paths) {
    const raw = await readFile(path)
    await seedOne(target, { raw, ...(to !== undefined && { to }) })
  }
  return paths.length
}

async function seedOne({ store, accounts }: SeedTarget, message: SeedMessage): Promise<void> {
  const raw = typeof message.raw === 'string' ? message.raw : Buffer.from(message.raw).toString('latin1')
  const bytes = Buffer.from(
    raw.replace(/\r?\n/g, '\r\n'),
    typeof message.raw === 'string' ? 'utf8' : 'latin1',
  )
  const owners = message.to === undefined ? await addressees(bytes) : [message.to].flat()
  if (owners.length === 0) {
    throw new MailError('OPTION_INVALID', 'seed: to: got nothing, and the message names nobody in To or Cc')
  }
  const { mailbox = 'INBOX', flags = [] } = message
  for (const owner of owners) {
    await store.append(await accountOf(accounts, owner), bytes, { mailbox, flags })
  }
}

async function addressees(bytes: Buffer): Promise<string[]> {
  const { to, cc } = await parseMessage(bytesSource(bytes))
  return [...to, ...cc].map(({ address }) => address)
}

async function accountOf(accounts: Accounts, owner: string): Promise<string> {
  const address = tryParseAddress(owner)
  const found = address && (await accounts.find(address))
  if (found && 'account' in found) return found.account
  throw new MailError(
    'OPTION_INVALID',
    `seed: to: got ${JSON.stringify(owner)}, expected an address with a mailbox here`,
  )
}
