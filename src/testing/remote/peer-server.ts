import type tls from 'node:tls'
import type { Clock } from '../../core/clock.js'
import type { Occasion } from './script.js'
import type { ScriptedPeer } from './scripted-peer.js'

/** What a connection needs of its server. */
export interface PeerServer {
  readonly clock: Clock
  /** The name the server gives itself. */
  readonly hostname: string
  readonly protocol: 'smtp' | 'lmtp'
  /** What the reply to EHLO offers. */
  extensionsFor(peer: ScriptedPeer): readonly string[]
  /** What the server is encrypted with. */
  tlsOptions(): tls.TLSSocketOptions
  /** Does what STARTTLS calls for. */
  answerStartTls(peer: ScriptedPeer): void
  /** Does what an occasion calls for; what it promises is waited for. */
  act(peer: ScriptedPeer, occasion: Occasion): unknown
  /** Does what a polite server does on an occasion. */
  actPolitely(peer: ScriptedPeer, occasion: Occasion): unknown
  /** Hears of each message that was taken with a 2xx. */
  take(message: ReceivedMessage): void
}

/** A message that a scripted server took. */
export interface ReceivedMessage {
  /** Address in MAIL; empty for a bounce. */
  readonly sender: string
  /** Addresses in RCPT that were taken; in LMTP those of them that got a 2xx after the message as well. */
  readonly recipients: readonly string[]
  /** The bytes of the message, dots no longer doubled. */
  readonly raw: Buffer
  readonly peer: ScriptedPeer
  /** When it was taken, in epoch milliseconds. */
  readonly at: number
}

/** How a connection is encrypted. */
export interface PeerTls {
  /** Such as `TLSv1.3`. */
  readonly protocol: string
  readonly cipher: string
  /** The name the client asked for (SNI), or nothing. */
  readonly servername: string
}
