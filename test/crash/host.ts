import type { WritePoint } from './dying-database.js'

/** Accounts of the host: carol's mail is moved to another mailbox as it comes, every other letter of dave's expunged. */
export const localUsers = ['alice', 'bob', 'carol', 'dave'] as const

/** Domains whose mail goes to the sink. */
export const remoteDomains = ['one.test', 'two.test'] as const

/** How the process that is killed begins. */
export interface MailProcessStart {
  readonly path: string
  /** Where remote mail goes. */
  readonly sinkPort: number
  /** Whether the writer has a thread of its own, which cannot die at a point. */
  readonly thread: boolean
  readonly point?: WritePoint
}

/** What it tells. */
export type MailProcessReport =
  | { readonly ready: true }
  | { readonly opened: true }
  | { readonly port: number }
  | { readonly statement: string }
  | { readonly expunging: string }
  | { readonly seen: { readonly account: string; readonly uid: number; readonly id: string } }
  | { readonly drained: true }
