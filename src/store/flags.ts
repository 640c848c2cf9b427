import { MailError } from '../core/error.js'

/** RFC 3501 §2.3.2. `\Recent` is missing: it is the server's own and cannot be stored. */
const systemFlags = ['\\Seen', '\\Answered', '\\Flagged', '\\Deleted', '\\Draft']
/** Registered keywords (RFC 5788), whose case differs from client to client. */
const keywords = ['$Forwarded', '$MDNSent', '$Junk', '$NotJunk', '$Phishing', '$SubmitPending', '$Submitted']
/** RFC 6154 §2, RFC 8457 §3. */
const specialUses = [
  '\\All',
  '\\Archive',
  '\\Drafts',
  '\\Flagged',
  '\\Important',
  '\\Junk',
  '\\Sent',
  '\\Trash',
]

const spelling = spellings([...systemFlags, ...keywords])
const specialUseSpelling = spellings(specialUses)

function spellings(names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(names.map(name => [name.toLowerCase(), name]))
}

/** `flag-keyword` and `flag-extension` of RFC 3501 §9: an atom, perhaps behind a backslash. */
const flagSyntax = /^\\?[^\u0000-\u0020\u007f-\uffff(){%*"\\\]]{1,255}$/

/**
 * Flags in their one spelling, each once; known ones whatever their case.
 * @throws MailError `OPTION_INVALID` naming the flag.
 */
export function normalizeFlags(flags: readonly string[]): string[] {
  if (!Array.isArray(flags)) throw badFlag(flags)
  return [...new Set(flags.map(normalizeFlag))]
}

function normalizeFlag(flag: string): string {
  if (typeof flag !== 'string' || !flagSyntax.test(flag) || /^\\recent$/i.test(flag)) throw badFlag(flag)
  return spelling.get(flag.toLowerCase()) ?? flag
}

function badFlag(flag: unknown): MailError {
  const got = JSON.stringify(flag)?.slice(0, 80)
  return new MailError(
    'OPTION_INVALID',
    `flags: got ${got}, expected flags such as '\\Seen' or 'work': ASCII without spaces and (){%*"\\], and not '\\Recent'`,
  )
}

/**
 * A special use of a mailbox in its one spelling.
 * @throws MailError `OPTION_INVALID`.
 */
export function normalizeSpecialUse(specialUse: string): string {
  const known = typeof specialUse === 'string' ? specialUseSpelling.get(specialUse.toLowerCase()) : undefined
  if (known !== undefined) return known
  throw new MailError(
    'OPTION_INVALID',
    `specialUse: got ${JSON.stringify(specialUse)?.slice(0, 80)}, expected one of ${specialUses.join(', ')}`,
  )
}
