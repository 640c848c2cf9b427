import { createRequire } from 'node:module'
import type * as Mailauth from 'mailauth'
import { MailError } from '../core/error.js'

/** What is used of the package mailauth, an optional peer. This is the one file that imports it. */
export type MailauthPackage = Pick<typeof Mailauth, 'authenticate' | 'dkimVerify' | 'dmarc' | 'spf'>

/** Loads it, when something needs it. @throws MailError `DRIVER_MISSING` when it is not installed. */
export async function loadMailauth(what: string): Promise<MailauthPackage> {
  try {
    return await import('mailauth')
  } catch (cause) {
    throw missing(what, cause)
  }
}

/** @throws MailError `DRIVER_MISSING` when it is not installed: what needs it fails when it is made, not with the first mail. */
export function assertMailauth(what: string): void {
  try {
    createRequire(import.meta.url).resolve('mailauth')
  } catch (cause) {
    throw missing(what, cause)
  }
}

function missing(what: string, cause: unknown): MailError {
  return new MailError('DRIVER_MISSING', `${what} needs the package mailauth: npm install mailauth`, {
    cause,
  })
}
