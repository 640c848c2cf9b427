import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { lazy, parseOptions } from '../../core/options.js'

/** The cost of scrypt (RFC 7914 §2): memory is 128 · 2^ln · r octets, time grows with all three. */
export interface ScryptCost {
  /** Binary logarithm of N, 10 to 20. Default: 15. */
  ln?: number
  /** Block size, 1 to 32. Default: 8. */
  r?: number
  /** Parallelisation, 1 to 16. Default: 3. */
  p?: number
}

/** A parsed password hash. */
export interface PasswordHash extends Required<ScryptCost> {
  readonly salt: Buffer
  readonly hash: Buffer
}

// 2^15, 8, 3 is among the equals that OWASP's password storage cheat sheet names; it needs 32 MiB, not 128.
const costSchema = lazy(() =>
  z
    .strictObject({
      ln: z.int().min(10).max(20).default(15),
      r: z.int().min(1).max(32).default(8),
      p: z.int().min(1).max(16).default(3),
    })
    .refine(cost => memoryOf(cost) <= mostMemory, { error: 'expected a cost that needs at most 256 MiB' }),
)

const passwordSchema = lazy(() => z.strictObject({ password: z.string().min(1).max(1_024) }))

const mostMemory = 256 * 1024 * 1024
const memoryOf = (cost: Required<ScryptCost>) => 128 * 2 ** cost.ln * cost.r

/**
 * Hashes a password for `createAccounts`: scrypt with a random salt, in the PHC string format
 * `$scrypt$ln=15,r=8,p=3$salt$hash`. The text is taken in Unicode NFC (RFC 8265 §4.2.1).
 * @throws MailError `OPTION_INVALID` for what is no password of 1 to 1,024 characters, a cost out of range, or one that needs more than 256 MiB.
 */
export async function hashPassword(password: string, cost: ScryptCost = {}): Promise<string> {
  const { ln, r, p } = parseOptions('hashPassword', costSchema(), cost)
  parseOptions('hashPassword', passwordSchema(), { password })
  const salt = randomBytes(16)
  const hash = await derive(password, { ln, r, p, salt, hash: Buffer.alloc(32) })
  return `$scrypt$ln=${ln},r=${r},p=${p}$${base64(salt)}$${base64(hash)}`
}

const phcString =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/

/** Reads what {@link hashPassword} wrote; `undefined` for anything else, and for a cost out of its range. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, ln, r, p, salt = '', hash = ''] = phcString.exec(text) ?? []
  const cost = costSchema().safeParse({ ln: Number(ln), r: Number(r), p: Number(p) })
  if (!cost.success) return undefined
  return { ...cost.data, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') }
}

/** Whether a password is the hashed one. */
export async function verifyPassword(password: string, hash: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, hash), hash.hash)
}

function derive(password: string, { ln, r, p, salt, hash }: PasswordHash): Promise<Buffer> {
  const cost = { N: 2 ** ln, r, p, maxmem: 2 * memoryOf({ ln, r, p }) }
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, hash.length, cost, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
