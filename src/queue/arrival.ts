import type { Envelope } from '../core/envelope.js'
import type { Route } from '../routing/router.js'

/** How a message came that is to be stored: what its batch alone does not say. */
export interface Arrival {
  readonly traceId: string
  readonly envelope: Envelope
  /**
   * Whether it is the mail of our own: of the app, of a user who logged in, of a client that may relay. What others
   * sent is never signed in the name of a domain here.
   */
  readonly ours: boolean
  /**
   * Where the mail for each recipient goes, in the order of the envelope: those whose mail is kept here, or sent on to
   * several addresses, and whose NOTIFY asks for that, are told of to the sender (RFC 3461 §4.1). Default: nobody is told.
   */
  readonly routes?: readonly Route[]
}
