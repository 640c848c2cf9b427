/** Flags by their letters (maildir(5) of Courier); `P` is what others have as the keyword `$Forwarded`. */
const letters = new Map([
  ['D', '\\Draft'],
  ['F', '\\Flagged'],
  ['P', '$Forwarded'],
  ['R', '\\Answered'],
  ['S', '\\Seen'],
  ['T', '\\Deleted'],
])

/** What the name of a file in a Maildir tells. */
export interface MaildirFileName {
  readonly flags: readonly string[]
  /** Whether `exportMaildir` wrote it with the octets of the message, whatever its line breaks are. */
  readonly isExact: boolean
}

const exactMark = '.posthorn-exact'

/** Reads the name of a file; `keywords` are those of its folder, by the number of their letter. */
export function parseFileName(name: string, keywords: readonly (string | undefined)[]): MaildirFileName {
  const [, unique = name, info = ''] = /^(.*?)[:;!]2,(.*)$/s.exec(name) ?? []
  const flags: string[] = []
  for (const letter of info.split(',')[0] ?? '') {
    const flag =
      letters.get(letter) ?? (/[a-z]/.test(letter) ? keywords[letter.charCodeAt(0) - 97] : undefined)
    if (flag !== undefined) flags.push(flag)
  }
  return { flags, isExact: unique.split(',')[0]?.endsWith(exactMark) === true }
}

/** What {@link formatFileName} writes. */
export interface NewMaildirFile {
  /** Seconds since the epoch, and what else makes the name unique. */
  readonly seconds: number
  readonly id: string
  readonly isExact: boolean
  /** Octets of the file, and octets it would have with CRLF: what Dovecot need not find out then. */
  readonly size: number
  readonly crlfSize: number
  /** Those that have a letter. */
  readonly letters: readonly string[]
}

/** A file's name: `1767225600.k3….posthorn,S=800,W=812:2,FS`. */
export function formatFileName(file: NewMaildirFile): string {
  const host = file.isExact ? exactMark : '.posthorn'
  const info = [...file.letters].sort().join('')
  return `${file.seconds}.${file.id}${host},S=${file.size},W=${file.crlfSize}:2,${info}`
}

/** The letter of a flag that every Maildir has one for. */
export function letterOf(flag: string): string | undefined {
  for (const [letter, name] of letters) if (name === flag) return letter
  return undefined
}

/**
 * Orders names by the time of delivery that they begin with: seconds, then the number behind `M`, which is
 * microseconds, then the rest.
 */
export function compareFileNames(a: string, b: string): number {
  const [first, second] = [deliveryTime(a), deliveryTime(b)]
  return first.seconds - second.seconds || first.micros - second.micros || (a < b ? -1 : Number(a > b))
}

function deliveryTime(name: string): { seconds: number; micros: number } {
  const match = /^(\d{1,15})(?:\.(?:[A-LN-Z]\w*)?M(\d{1,9}))?/.exec(name)
  return { seconds: Number(match?.[1] ?? 0), micros: Number(match?.[2] ?? 0) }
}
