import type { Arrival } from '../recording/arrival.js'
import type { TranscriptLine } from '../recording/session-log.js'
import type { MessageContext } from './message-context.js'

/** How a message came in by SMTP. */
export interface MessageSession {
  readonly id: string
  readonly remoteAddress: string
  /** What EHLO, HELO or LHLO named. */
  readonly helo: string
  /** Set where the connection was encrypted. */
  readonly tls?: { readonly version: string; readonly cipher: string; readonly serverName?: string }
  /** The user who logged in, if one did. */
  readonly user?: string
  /** The conversation so far, without messages and credentials. */
  readonly transcript: readonly TranscriptLine[]
}

/** The session that brought a message, if one did. */
export function sessionOf({ session }: Arrival, context: MessageContext): MessageSession | undefined {
  if (!session) return undefined
  return {
    id: session.id,
    remoteAddress: session.remoteAddress,
    helo: session.hello ?? '',
    ...(session.tls && { tls: session.tls }),
    ...(session.account !== undefined && { user: session.account }),
    transcript: context.session(session.id)?.transcript ?? [],
  }
}
