import type { ScriptedPeer } from './scripted-peer.js'

/**
 * A moment at which a scripted server does something: `greeting` when a client comes, `dot` after the message, else a
 * verb. After the message LMTP does it once for each recipient that was taken (RFC 2033 §4.2).
 */
export type ScriptPoint =
  | 'greeting'
  | 'EHLO'
  | 'HELO'
  | 'LHLO'
  | 'STARTTLS'
  | 'AUTH'
  | 'MAIL'
  | 'RCPT'
  | 'DATA'
  | 'BDAT'
  | 'dot'
  | 'RSET'
  | 'NOOP'
  | 'VRFY'
  | 'QUIT'
  | 'unknown'

/** What a client just did. */
export interface Occasion {
  readonly point: ScriptPoint
  /** The command line as it came; empty when a client came or ended its message. */
  readonly line: string
  /** Of MAIL and RCPT the address, of `dot` the message as text, of `greeting` the address of the client, else what follows the verb. */
  readonly argument: string
  /** Of `dot` in LMTP: whom the reply is for. */
  readonly recipient?: string
}

/** What a scripted server does: says these lines, or what a function does. A promise is waited for before the next command is read. */
export type Step = string | readonly string[] | ((peer: ScriptedPeer, occasion: Occasion) => unknown)

/** One step for every time, or one for each time on a connection, the last of which repeats. */
export type Steps = Step | { readonly inTurn: readonly Step[] }

/** What a scripted server does on a connection, by point. What is left out is done politely. */
export type Script = { readonly [Point in ScriptPoint]?: Steps } & {
  /** What the reply to EHLO offers on this connection, instead of the `extensions` of the server. */
  readonly extensions?: readonly string[]
}

/** Says nothing, ever. */
export const silence: Step = () => {}
/** Resets the connection. */
export const drop: Step = peer => peer.drop()
/** Ends the connection. */
export const hangUp: Step = peer => peer.end()
/** Says `chunk` over and over, as fast as the client takes it. */
export const endlessly =
  (chunk: string): Step =>
  peer =>
    peer.flood(chunk.repeat(Math.ceil(4096 / chunk.length)))

/** What there is no such command for. */
const what = '500 5.5.1 What?'

const hello: Step = peer => {
  const lines = [peer.server.hostname, ...peer.extensions]
  peer.say(lines.map((line, index) => `250${index < lines.length - 1 ? '-' : ' '}${line}`))
}

/** What a server that wants no trouble does. */
export const polite: { readonly [Point in ScriptPoint]: Step } = {
  greeting: peer =>
    peer.say([`220 ${peer.server.hostname} ${peer.server.protocol === 'lmtp' ? 'LMTP' : 'ESMTP'}`]),
  EHLO: only('smtp', hello),
  LHLO: only('lmtp', hello),
  HELO: only('smtp', peer => peer.say([`250 ${peer.server.hostname}`])),
  STARTTLS: peer => peer.server.answerStartTls(peer),
  AUTH: '235 2.7.0 Authenticated',
  MAIL: '250 2.1.0 Sender ok',
  RCPT: '250 2.1.5 Recipient ok',
  DATA: '354 Go ahead',
  BDAT: (peer, { argument }) =>
    isLastChunk(argument)
      ? peer.answerMessage()
      : peer.say([`250 2.0.0 ${parseInt(argument, 10)} octets received`]),
  dot: '250 2.0.0 Taken',
  RSET: '250 2.0.0 Flushed',
  NOOP: '250 2.0.0 Here',
  VRFY: '252 2.5.2 Send it, and see',
  QUIT: peer => {
    peer.say(['221 2.0.0 Bye'])
    peer.end()
  },
  unknown: what,
}

/** A step of one protocol; the other answers 500 (RFC 2033 §4.1). */
function only(protocol: 'smtp' | 'lmtp', step: (peer: ScriptedPeer, occasion: Occasion) => unknown): Step {
  return (peer, occasion) => (peer.server.protocol === protocol ? step(peer, occasion) : peer.say([what]))
}

/** How many octets follow a BDAT of this argument (RFC 3030 §2); nothing, when it is malformed. */
export function chunkSize(argument: string): number | undefined {
  const [, size] = /^(\d{1,15})( +LAST)?\s*$/i.exec(argument) ?? []
  return size === undefined ? undefined : Number(size)
}

/** Whether a BDAT of this argument ends the message. */
export function isLastChunk(argument: string): boolean {
  return /\sLAST\s*$/i.test(argument)
}

/** Reads a command line. */
export function readOccasion(line: string): Occasion {
  const [, word = '', rest = ''] = /^(\w*)\s*(.*)$/s.exec(line) ?? []
  const verb = word.toUpperCase()
  const known = verbs.has(verb) ? (verb as ScriptPoint) : 'unknown'
  const takesPath = known === 'MAIL' || known === 'RCPT'
  const path = takesPath ? /^[^<]*<((?:"(?:\\.|[^"])*"|[^>])*)>/.exec(rest)?.[1] : undefined
  return { point: known, line, argument: path ?? rest }
}

const verbs = new Set(Object.keys(polite).filter(point => point === point.toUpperCase()))
