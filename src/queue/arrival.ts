import type { Envelope } from '../core/envelope.js'

/** How a message came that is to be stored: what its batch alone does not say. */
export interface Arrival {
  readonly traceId: string
  readonly envelope: Envelope
  /**
   * Whether it is the mail of our own: of the app, of a user who logged in, of a client that may relay. What others
   * sent is never signed in the name of a domain here.
   */
  readonly ours: boolean
}
