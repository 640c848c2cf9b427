import { MailError } from '../../core/error.js'
import type { Resolver } from '../../dns/resolver.js'
import type { OutgoingMessage, SentMessage } from '../../queue/outgoing-message.js'
import type { RecordedSession } from '../recording/session-log.js'

/** What a `TestMessage` needs of the server that took it in. */
export interface MessageContext {
  /** The recording of a session, as long as it is kept. */
  session(id: string): RecordedSession | undefined
  /** Who judges a message, and the DNS it is judged by. */
  readonly hostname: string
  readonly dns: Resolver
  /** Epoch milliseconds, on the clock of the server. */
  now(): number
  /** Sends an answer. */
  send(message: OutgoingMessage): Promise<SentMessage>
  /** What the web is asked by. */
  readonly fetch: typeof fetch | undefined
  /** Everything that happened to a message, as lines. */
  trace(traceId: string): string
}

/** What the web is asked by. @throws MailError `OPTION_INVALID` without the option `fetch`. */
export function fetchOf({ fetch: ask }: MessageContext, what: string): typeof fetch {
  if (ask) return ask
  throw new MailError(
    'OPTION_INVALID',
    `${what}: createTestMail: fetch: got nothing, expected a function such as fetch`,
  )
}
