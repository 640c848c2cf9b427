import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { type PasswordHash, parsePasswordHash, verifyPassword } from './password-hash.js'
import type { WorkLimit } from './work-limit.js'

/** What a user's password is checked against: a keyed digest of a plain one, or a scrypt hash. */
export type StoredPassword = { readonly digest: Buffer } | { readonly hash: PasswordHash }

/** Keys the digests of plain passwords, so that equal ones of two processes differ. */
const digestKey = randomBytes(32)

/** Marks of password hashes that other programs write; taken as a plain password, such a string would let nobody in. */
const foreignHash = /^\$(?:scrypt|2[abxy]?|argon2(?:i|d|id)|pbkdf2[\w-]*|apr1|y|gy|7|6|5|1)\$/

/** How the `password` of a user is kept; `undefined` when it is a hash that cannot be checked. */
export function storePassword(password: string): StoredPassword | undefined {
  const hash = parsePasswordHash(password)
  if (hash) return { hash }
  return foreignHash.test(password) ? undefined : { digest: digest(password) }
}

/**
 * Checks passwords so that the time it takes does not tell whether the user exists: where any user's password is
 * hashed, an unknown user, and one whose password is plain, costs a hash too. Which hash stands in is chosen by the
 * name, so that users hashed at different costs do not stand out either.
 */
export class PasswordCheck {
  readonly #limit: WorkLimit
  #standIns: readonly PasswordHash[] = []

  constructor(limit: WorkLimit) {
    this.#limit = limit
  }

  /** Tells which passwords there are. */
  prepare(passwords: Iterable<StoredPassword>): void {
    this.#standIns = [...passwords].flatMap(stored => ('hash' in stored ? [stored.hash] : []))
  }

  /** Whether `password` is the stored one; `undefined` stands for an unknown user and is never it. */
  async matches(username: string, password: string, stored: StoredPassword | undefined): Promise<boolean> {
    const hash = stored && 'hash' in stored ? stored.hash : this.#standIn(username)
    const hashMatches = hash ? await this.#limit.run(() => verifyPassword(password, hash)) : false
    const known = stored && 'digest' in stored ? stored.digest : unknownDigest
    const digestMatches = timingSafeEqual(digest(password), known)
    if (!stored) return false
    return 'hash' in stored ? hashMatches : digestMatches
  }

  #standIn(username: string): PasswordHash | undefined {
    const count = this.#standIns.length
    return count === 0 ? undefined : this.#standIns[digest(username).readUInt32BE(0) % count]
  }
}

const unknownDigest = randomBytes(32)

function digest(text: string): Buffer {
  return createHmac('sha256', digestKey).update(text.normalize('NFC')).digest()
}
