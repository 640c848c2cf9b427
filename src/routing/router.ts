import type { Quota } from '../accounts/accounts.js'
import type { Reply } from '../core/reply.js'

/** Tells where a recipient's mail goes. Made by `createRouter`. */
export interface Router {
  /**
   * Where mail for an address goes, aliases followed to their ends.
   * @throws MailError `ACCOUNTS_FAILED` when the accounts driver throws, `DRIVER_CONTRACT` when it answers what its
   * contract does not allow, both temporary and with a reply; `ADDRESS_INVALID`.
   */
  route(recipient: string): Promise<Route>
  /** Whether a domain, in any form, is one of ours. */
  isLocal(domain: string): boolean
}

/** Where a recipient's mail goes. */
export type Route =
  | {
      readonly kind: 'accept'
      readonly local: readonly LocalTarget[]
      /** Addresses at other servers, in wire form. */
      readonly remote: readonly string[]
      /** Whether the recipient itself is at another server: only who may relay may write to it. */
      readonly relay: boolean
    }
  | { readonly kind: 'reject'; readonly reply: Reply }

/** A mailbox that a recipient's mail goes to. */
export interface LocalTarget {
  readonly account: string
  /** Mailbox name, `INBOX` by default. */
  readonly mailbox: string
  readonly quota?: Quota
}
