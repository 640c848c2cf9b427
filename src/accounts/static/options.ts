import { z } from 'zod'
import { type Address, tryParseAddress } from '../../core/address.js'
import { tryNormalizeDomain } from '../../core/domain.js'
import { functionSchema, lazy } from '../../core/options.js'
import type { Quota } from '../accounts.js'
import { storePassword } from './password-check.js'

/**
 * As which senders a user may send: its own addresses with any detail (`alice+shop@…`), any address at all, or those a
 * function of the app allows.
 */
export type SendAs = 'own' | 'any' | ((sender: Address) => boolean | Promise<boolean>)

/** One user of `createAccounts`. */
export interface UserOptions {
  /** What the user logs in with, in any case, and the id its mail is kept under. */
  name: string
  /**
   * The password itself, or what `hashPassword` made of it. A plain one is not kept, only a keyed digest of it. Hashes of
   * other programs (`$2b$…`, `$argon2id$…`) are refused.
   */
  password: string
  /** Its mail addresses; each may be logged in with too. Default: the name, where it is an address. */
  addresses?: readonly string[]
  /** What it may keep. Default: no limit. */
  quota?: Quota
  /** As which senders it may send. Default: the accounts' own `maySendAs`. */
  maySendAs?: SendAs
}

/** Options of `createAccounts`. */
export interface AccountsOptions {
  users?: readonly UserOptions[]
  /** Addresses that stand for others, local or remote: `{ 'sales@example.test': ['alice@example.test'] }`. */
  aliases?: Readonly<Record<string, string | readonly string[]>>
  /** Who gets the mail of a domain for addresses nobody has: `{ 'example.test': 'alice@example.test' }`. */
  catchAll?: Readonly<Record<string, string | readonly string[]>>
  /** As which senders users may send who say nothing else. Default: `'own'`. */
  maySendAs?: SendAs
  /**
   * How many hashed passwords are checked at once; each keeps one thread of the process busy and needs the memory of
   * its hash (32 MiB by default). Default: 2.
   */
  concurrentHashes?: number
  /** How many logins may wait for that; those beyond get a temporary failure. Default: 100. */
  waitingHashes?: number
}

const addressSchema = lazy(() =>
  z.string().refine(text => tryParseAddress(text) !== undefined, {
    error: "expected an address such as 'alice@example.test'",
  }),
)
const addressesSchema = lazy(() =>
  z
    .union([addressSchema(), z.array(addressSchema()).min(1)], {
      error: "expected an address such as 'alice@example.test', or a list of them",
    })
    .transform(value => (typeof value === 'string' ? [value] : value)),
)

const sendAsSchema = lazy(() =>
  z.union([z.literal(['own', 'any']), functionSchema<Exclude<SendAs, string>>('a function')], {
    error: "expected 'own', 'any' or a function of the sender",
  }),
)

const limitSchema = lazy(() => z.number().min(0).optional())

export const userSchema = lazy(() =>
  z.strictObject({
    name: z
      .string()
      .min(1)
      .max(255)
      .regex(/^\P{C}+$/u, { error: 'expected a name without control characters' }),
    password: z
      .string()
      .min(1)
      .max(1_024)
      .refine(password => storePassword(password) !== undefined, {
        error: 'expected a password, or a hash by hashPassword; hashes of other programs cannot be checked',
      }),
    addresses: z.array(addressSchema()).optional(),
    quota: z
      .strictObject({ bytes: limitSchema(), messages: limitSchema() })
      .transform(quota => quota as Quota)
      .optional(),
    maySendAs: sendAsSchema().optional(),
  }),
)

/** A user whose options were checked. */
export type CheckedUser = z.output<ReturnType<typeof userSchema>>

const domainSchema = lazy(() =>
  z.string().refine(domain => tryNormalizeDomain(domain) !== undefined, {
    error: "expected a domain such as 'example.test'",
  }),
)

export const accountsOptionsSchema = lazy(() =>
  z.strictObject({
    users: z.array(userSchema()).default([]),
    aliases: z.record(addressSchema(), addressesSchema()).default({}),
    catchAll: z.record(domainSchema(), addressesSchema()).default({}),
    maySendAs: sendAsSchema().default('own'),
    concurrentHashes: z.int().min(1).max(1_000).default(2),
    waitingHashes: z.int().min(0).max(100_000).default(100),
  }),
)
