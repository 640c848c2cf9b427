import tls from 'node:tls'
import type { Step } from './script.js'

/** What may be wrong with the encryption a server offers. */
export type TlsFault =
  /** STARTTLS is not offered, as when somebody on the way strips it, and answered with 502. */
  | 'stripped'
  /** STARTTLS is offered and answered with 454. */
  | 'refused'
  /** After the go-ahead nothing comes. */
  | 'stalled'
  /** After the go-ahead come octets that are no TLS. */
  | 'garbage'
  /** After the go-ahead the connection is reset. */
  | 'dropped'
  /** The handshake ends with an alert: the two have no cipher in common. */
  | 'handshake-failure'

/** What a server with a fault does at STARTTLS. */
export const faultyStartTls: Readonly<Record<TlsFault, Step>> = {
  stripped: '502 5.5.1 What?',
  refused: '454 4.7.0 TLS not available due to temporary reason',
  stalled: peer => {
    peer.say(['220 2.0.0 Go ahead'])
    peer.stopReading()
  },
  garbage: peer => {
    peer.say(['220 2.0.0 Go ahead'])
    peer.retort('this is no TLS record at all\r\n')
  },
  dropped: peer => {
    peer.say(['220 2.0.0 Go ahead'])
    peer.drop()
  },
  // A server without a certificate shares no cipher with anybody.
  'handshake-failure': peer => peer.startTls('', { secureContext: tls.createSecureContext({}) }),
}
