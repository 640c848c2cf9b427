import type { WritePoint } from './dying-database.js'

/** Accounts of the host; {@link keepTidy} says what becomes of their mail. */
export const localUsers = ['alice', 'bob', 'carol', 'dave'] as const

/** Domains whose mail goes to the sink. */
export const remoteDomains = ['one.test', 'two.test'] as const

/** How the process that is killed begins. */
export interface MailProcessStart {
  readonly path: string
  /** Where remote mail goes. */
  readonly sinkPort: number
  /** Milliseconds by which its clock is ahead, so that what happens after an hour happens. */
  readonly ahead: number
  /** Whether the writer has a thread of its own, which cannot die at a point. */
  readonly thread: boolean
  readonly point?: WritePoint
}

/** What it tells. */
export type MailProcessReport =
  | { readonly ready: true }
  | { readonly port: number }
  | Pick<WritePoint, 'statement' | 'phase'>
  | { readonly removing: string }
  | { readonly seen: { readonly mailbox: string; readonly uid: number; readonly name: string } }
  | { readonly drained: true }
