import type { Address } from '../core/address.js'

/**
 * The contract of users: an app answers both questions from its own database in a few lines. Both may throw;
 * the client then gets a temporary failure, never a refusal.
 */
export interface Accounts {
  /**
   * Who logs in with these credentials, or `undefined` for nobody. Must take as long for an unknown user as
   * for a wrong password.
   */
  authenticate(credentials: Credentials): Promise<Account | undefined>
  /**
   * Where mail for an address of a local domain goes, or `undefined` when there is no such address. Asked for
   * the address as written, then, where it has a detail (`user+detail`), without it.
   */
  find(address: Address): Promise<Destination | undefined>
}

/** Optional power: accounts that take mail for any other address of a domain. */
export interface CatchAllAccounts extends Accounts {
  /** Asked last, when neither the address nor its base was found. */
  findCatchAll(domain: string): Promise<Destination | undefined>
}

/** Whether accounts have the power of {@link CatchAllAccounts}. */
export function hasCatchAll(accounts: Accounts): accounts is CatchAllAccounts {
  return typeof (accounts as Partial<CatchAllAccounts>).findCatchAll === 'function'
}

/** What a client showed. */
export interface Credentials {
  /** The name it logs in with, as sent (SASL authentication identity). */
  readonly username: string
  readonly password: string
  /** The identity it wants to act as (RFC 4616 authzid), where it named another one than its own. */
  readonly actAs?: string
  readonly protocol: 'smtp' | 'pop3' | 'imap'
  readonly remoteAddress: string
  /** Whether the connection is encrypted. */
  readonly secure: boolean
}

/** A user who logged in. */
export interface Account {
  /** The stable id under which the store keeps the account's mail. */
  readonly id: string
  /**
   * Whether the account may send mail with this sender address. Absent: any sender.
   */
  maySendAs?(sender: Address): boolean | Promise<boolean>
}

/** Where mail for an address goes. */
export type Destination =
  /** Into the account's mailbox; `INBOX` unless another is named. */
  | { readonly account: string; readonly mailbox?: string; readonly quota?: Quota }
  /** To these addresses instead, local or remote. */
  | { readonly addresses: readonly string[] }

/** What an account may keep. Absent: no limit. */
export interface Quota {
  /** Octets of all messages. */
  readonly bytes?: number
  readonly messages?: number
}
