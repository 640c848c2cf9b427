import { decodeSaslText, readPlain } from './sasl-message.js'

/** The mechanisms that {@link createSaslExchange} speaks. */
export const saslMechanisms = ['PLAIN', 'LOGIN'] as const

/** A SASL exchange, from the server's side (RFC 4422 §3). Made by {@link createSaslExchange} for one AUTH command. */
export interface SaslExchange {
  /**
   * Begins with what followed the mechanism in the command: base64, `=` for an empty response, or nothing
   * (RFC 4954 §4, RFC 5034 §4).
   */
  start(initialResponse?: string): SaslStep
  /** Goes on with the client's next line, without CRLF. */
  step(response: string): SaslStep
}

/** What a server does next. */
export type SaslStep =
  /** Send the challenge, base64, `''` for an empty one; then {@link SaslExchange.step}. */
  | { readonly kind: 'challenge'; readonly challenge: string }
  /** Ask the accounts. */
  | {
      readonly kind: 'credentials'
      readonly username: string
      readonly password: string
      readonly actAs?: string
    }
  /**
   * End the exchange: the client sent `*` (`aborted`), or what is no base64, not the mechanism's form, not UTF-8, too long or
   * holds control characters (`malformed`). RFC 4954 §4 answers both with 501.
   */
  | { readonly kind: 'failed'; readonly reason: 'aborted' | 'malformed' }

const malformed: SaslStep = { kind: 'failed', reason: 'malformed' }
const aborted: SaslStep = { kind: 'failed', reason: 'aborted' }

/**
 * Begins an exchange for a mechanism, named in any case: `PLAIN` (RFC 4616) or `LOGIN` (draft-murchison-sasl-login).
 * `undefined` for others.
 */
export function createSaslExchange(mechanism: string): SaslExchange | undefined {
  const name = mechanism.toUpperCase()
  if (name === 'PLAIN') return new Dialogue([''], ([message = '']) => readPlain(message))
  if (name === 'LOGIN') return new Dialogue(['VXNlcm5hbWU6', 'UGFzc3dvcmQ6'], readLogin)
  return undefined
}

/** Asks one challenge after another, then reads the answers. */
class Dialogue implements SaslExchange {
  readonly #challenges: readonly string[]
  readonly #read: (answers: readonly string[]) => SaslStep | undefined
  readonly #answers: string[] = []

  constructor(challenges: readonly string[], read: (answers: readonly string[]) => SaslStep | undefined) {
    this.#challenges = challenges
    this.#read = read
  }

  start(initialResponse?: string): SaslStep {
    if (initialResponse === undefined || initialResponse === '') return this.#next()
    return this.#take(initialResponse === '=' ? '' : initialResponse)
  }

  step(response: string): SaslStep {
    return response === '*' ? aborted : this.#take(response)
  }

  #take(response: string): SaslStep {
    const answer = decodeSaslText(response)
    if (answer === undefined) return malformed
    this.#answers.push(answer)
    return this.#next()
  }

  #next(): SaslStep {
    const challenge = this.#challenges[this.#answers.length]
    if (challenge !== undefined) return { kind: 'challenge', challenge }
    return this.#read(this.#answers) ?? malformed
  }
}

function readLogin([username = '', password = '']: readonly string[]): SaslStep | undefined {
  return readPlain(`\0${username}\0${password}`)
}
