/** How long a server may take, in milliseconds (RFC 5321 §4.5.3.2). */
export interface PhaseTimeouts {
  /** Until a connection stands. */
  readonly connect: number
  /** Until the whole greeting is there. */
  readonly greeting: number
  /** For each reply to EHLO, HELO and STARTTLS. */
  readonly hello: number
  /** For the TLS handshake. */
  readonly tls: number
  /** For the reply to MAIL. */
  readonly mail: number
  /** For each reply to RCPT. */
  readonly rcpt: number
  /** For the reply to DATA. */
  readonly data: number
  /** For each block of the message to be taken. */
  readonly block: number
  /** For the reply to the final dot. */
  readonly dot: number
}
