import type {
  SessionClosed,
  SessionEvent,
  SessionRefused,
  SmtpServerEvents,
} from '../../smtp-server/events.js'
import type { SmtpServer } from '../../smtp-server/smtp-server.js'

/** One line of an SMTP conversation. Neither messages nor credentials are in it. */
export interface TranscriptLine {
  readonly from: 'client' | 'server'
  /** Without its line end; several lines of one reply are parted by LF. */
  readonly text: string
}

/** An SMTP session as the server saw it. */
export interface RecordedSession {
  readonly id: string
  readonly remoteAddress: string
  readonly remotePort: number
  readonly kind: SessionEvent['kind']
  /** In order; the first 2,000 of it. */
  readonly transcript: readonly TranscriptLine[]
  /** Replies of 4xx and 5xx, and what they answered. */
  readonly refusals: readonly Refusal[]
  /** Whether a message may still come of it: from its beginning, and from MAIL, to the end of a transaction. */
  readonly busy: boolean
  /** Account id of the user who logged in. */
  readonly user?: string
  /** Domains that the transaction named so far, in lower case: of its sender and recipients. */
  readonly domains: ReadonlySet<string>
  /** Whether the transaction named a recipient. */
  readonly addressed: boolean
  /** Whether TLS was begun and the client has said nothing since. Who ends there may not trust the certificate. */
  readonly encrypting: boolean
  /** Set once it is over. */
  readonly ended?: SessionClosed['reason']
  /** What the socket or TLS said as it ended. */
  readonly error?: string
}

/** A command that was refused. */
export interface Refusal {
  /** `''` for a reply that nothing was asked for, such as the greeting. */
  readonly command: string
  readonly reply: string
}

/** A session while it is recorded. */
interface OpenSession {
  id: string
  remoteAddress: string
  remotePort: number
  kind: SessionEvent['kind']
  transcript: TranscriptLine[]
  refusals: Refusal[]
  user?: string
  domains: Set<string>
  addressed: boolean
  encrypting: boolean
  ended?: SessionClosed['reason']
  error?: string
  /** The last command. */
  command: string
  busy: boolean
  /** Of the transaction under way: `forgotten` where its message is of a test that is over. */
  transaction: 'none' | 'open' | 'forgotten'
}

/** How much is kept: a test that goes on for days must not fill the memory. */
const limits = { sessions: 1_000, lines: 2_000 }

/** Keeps what clients and server said to each other. */
export class SessionLog {
  readonly #sessions = new Map<string, OpenSession>()
  readonly #listeners = new Set<(session: RecordedSession) => void>()
  readonly #stops: readonly (() => void)[]

  constructor(smtp: Pick<SmtpServer, 'on'>) {
    const on = <Name extends keyof SmtpServerEvents>(
      event: Name,
      change: (session: OpenSession, payload: SmtpServerEvents[Name]) => void,
    ) => smtp.on(event, payload => this.#changed(payload, session => change(session, payload)))
    this.#stops = [
      on('session:opened', () => {}),
      on('session:line', record),
      on('session:secured', session => {
        session.busy = true
      }),
      on('session:authenticated', (session, { account }) => {
        session.user = account
      }),
      on('message:accepted', rest),
      on('message:rejected', rest),
      on('session:refused', turnAway),
      on('session:closed', end),
    ]
  }

  /** Oldest first. */
  get sessions(): readonly RecordedSession[] {
    return [...this.#sessions.values()]
  }

  /** The session of this id. */
  get(id: string): RecordedSession | undefined {
    return this.#sessions.get(id)
  }

  /** Sessions from which a message may still come. */
  get busy(): readonly RecordedSession[] {
    return [...this.#sessions.values()].filter(session => session.busy)
  }

  /** Calls `listener` with a session at each of its changes, until the returned function is called. */
  onChange(listener: (session: RecordedSession) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Forgets the sessions that are over, and the transactions that are not. */
  clear(): void {
    for (const [id, session] of this.#sessions) {
      if (session.ended !== undefined) this.#sessions.delete(id)
      else if (session.transaction === 'open') session.transaction = 'forgotten'
    }
  }

  /** Whether a session's transaction under way began before {@link SessionLog.clear}. */
  isForgotten(id: string): boolean {
    return this.#sessions.get(id)?.transaction === 'forgotten'
  }

  /** Ends the recording. */
  stop(): void {
    for (const stop of this.#stops) stop()
    this.#listeners.clear()
  }

  #changed(event: SessionEvent, change: (session: OpenSession) => void): void {
    const session = this.#session(event)
    change(session)
    for (const listener of [...this.#listeners]) listener(session)
  }

  #session({ sessionId, remoteAddress, remotePort, kind }: SessionEvent): OpenSession {
    const known = this.#sessions.get(sessionId)
    if (known) return known
    const [oldest] = this.#sessions.keys()
    if (this.#sessions.size >= limits.sessions && oldest !== undefined) this.#sessions.delete(oldest)
    const session = {
      id: sessionId,
      remoteAddress,
      remotePort,
      kind,
      transcript: [],
      refusals: [],
      domains: new Set<string>(),
      addressed: false,
      encrypting: false,
      command: '',
      busy: true,
      transaction: 'none' as const,
    }
    this.#sessions.set(sessionId, session)
    return session
  }
}

function record(session: OpenSession, { from, text }: TranscriptLine): void {
  if (session.transcript.length < limits.lines) session.transcript.push({ from, text })
  if (from === 'client') {
    session.command = text
    session.encrypting = false
    noteTransaction(session, text)
    if (!/^(RSET|NOOP|QUIT)\b/i.test(text)) session.busy = true
    return
  }
  if (/^[45]/.test(text)) session.refusals.push({ command: session.command, reply: text })
  if (/^STARTTLS\b/i.test(session.command) && text.startsWith('2')) session.encrypting = true
  // After these a client that keeps its connection (a pool) may stay away for as long as it likes.
  if (/^(RSET|NOOP)\b/i.test(session.command)) session.busy = false
}

/** Where a transaction begins and ends, and whom it names; a new one begins with nobody named. */
function noteTransaction(session: OpenSession, text: string): void {
  if (/^RSET\b/i.test(text)) session.transaction = 'none'
  const [, verb = '', domain] = /^(MAIL|RCPT)\b[^<]*<(?:[^>]*@([^>]*))?>/i.exec(text) ?? []
  if (verb.toUpperCase() === 'MAIL') {
    session.transaction = 'open'
    session.domains.clear()
    session.addressed = false
  }
  if (verb.toUpperCase() === 'RCPT') session.addressed = true
  if (domain !== undefined) session.domains.add(domain.toLowerCase())
}

function turnAway(session: OpenSession, { reason, error }: SessionRefused): void {
  session.busy = false
  session.encrypting = reason === 'handshake'
  session.ended = session.encrypting ? 'error' : 'limit'
  if (session.encrypting) session.error = error ?? reason
  else session.refusals.push({ command: '', reply: `turned away: ${reason}` })
}

function rest(session: OpenSession): void {
  session.busy = false
  session.transaction = 'none'
}

function end(session: OpenSession, { reason, error }: SessionClosed): void {
  session.busy = false
  session.ended = reason
  if (error !== undefined) session.error = error
}
