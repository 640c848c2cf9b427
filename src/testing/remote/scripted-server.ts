import type { Closable } from '../../core/lifecycle.js'
import type { Listener, ListenOptions } from '../../core/network.js'
import type { TlsOptions } from '../../core/tls-credentials.js'
import type { FluentRule } from './fluent-rule.js'
import type { GreylistOptions } from './greylist.js'
import type { ReceivedMessage } from './peer-server.js'
import type { Matcher } from './rule.js'
import type { ScriptedPeer } from './scripted-peer.js'
import type { TlsFault } from './tls-fault.js'

/** Where a rule begins. Without an argument it is for every one. */
export interface RulePoints {
  /** When a client comes, before the greeting. */
  connect(client?: Matcher): FluentRule
  /** Of the name a client gives itself. */
  ehlo(name?: Matcher): FluentRule
  /** Of the name a client gives itself. */
  helo(name?: Matcher): FluentRule
  /** Of the name a client of LMTP gives itself. */
  lhlo(name?: Matcher): FluentRule
  /** When a client wants to encrypt. */
  startTls(): FluentRule
  /** Of the mechanism, and what may follow it. */
  auth(argument?: Matcher): FluentRule
  /** Of the sender's address. */
  mail(sender?: Matcher): FluentRule
  /** Of the recipient's address. */
  rcpt(recipient?: Matcher): FluentRule
  /** Before a message that comes by DATA. */
  data(): FluentRule
  /** After each chunk of a message that comes by BDAT (RFC 3030); of its size, and `LAST`. */
  bdat(argument?: Matcher): FluentRule
  /** After the message, in LMTP for each recipient that was taken; of the message as text. */
  message(text?: Matcher): FluentRule
  /** When a client begins anew. */
  rset(): FluentRule
  /** When a client asks for nothing. */
  noop(): FluentRule
  /** Of what a client wants verified. */
  vrfy(argument?: Matcher): FluentRule
  /** When a client takes leave. */
  quit(): FluentRule
  /** Of a command this server does not know. */
  unknown(rest?: Matcher): FluentRule
  /** Of any command, as a whole line. */
  any(line?: Matcher): FluentRule
}

/** A mail server that does what it is told to. */
export interface ScriptedServer extends Closable {
  /** The name it gives itself. */
  readonly hostname: string
  /** Begins a rule. */
  readonly on: RulePoints
  /** Every connection it had, the oldest first. */
  readonly connections: readonly ScriptedPeer[]
  /** Every message it took, the oldest first. */
  readonly messages: readonly ReceivedMessage[]
  readonly listeners: readonly Listener[]
  /** Opens a listener. Default: a free port of `127.0.0.1`. @throws MailError `PORT_IN_USE`, `LISTEN_FAILED`. */
  listen(options?: ListenOptions): Promise<Listener>
  /** Puts off senders it does not know. */
  greylist(options?: GreylistOptions): FluentRule
  /** Takes another key and certificate. @throws MailError `CERTIFICATE_UNREADABLE`. */
  useTls(options: TlsOptions): void
  /** Breaks the encryption it offers; `undefined` mends it. */
  breakTls(fault: TlsFault | undefined): void
  /** Remembers rules and faults; the answer brings them back. */
  snapshot(): () => void
  /** Forgets rules and faults; TLS is again as the options had it. */
  reset(): void
}
