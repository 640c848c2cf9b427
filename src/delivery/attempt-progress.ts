import type { EnvelopeRecipient } from '../core/envelope.js'
import { type Logger, silentLogger } from '../core/logger.js'
import { describeReply } from '../smtp/reply.js'
import type { AttemptEnd } from './attempt-end.js'
import { runTransaction } from './smtp-client/run-transaction.js'
import type { SmtpSession } from './smtp-client/smtp-session.js'
import type { Dialogue } from './smtp-client/smtp-wire.js'
import type { PhaseTimeouts } from './smtp-client/timeouts.js'
import type { Delivery, RecipientOutcome } from './transport.js'
import { localVerdict, type Verdict } from './verdict.js'

/** Where a verdict was given. */
export interface Place {
  readonly host?: string
  readonly address?: string
  readonly tls?: string
  readonly tlsRule?: string
  readonly tlsVerified?: 'dane' | 'pkix'
}

/** What a message is sent with. */
export interface SendOptions {
  readonly timeouts: PhaseTimeouts
  readonly end: AttemptEnd
  /** Whether the session waited for this message; it may have died since. */
  readonly kept: boolean
  /** What a fault of the session means for this delivery. Default: what it says. */
  readonly weigh?: (fault: Verdict) => Verdict
}

/**
 * How far one attempt has come, host after host: which recipients have their outcome, and what went wrong with hosts.
 * An answer about the message or a recipient is taken as it is; an error of a host leaves its recipients to the next.
 */
export class AttemptProgress {
  readonly #delivery: Delivery
  readonly #logger: Logger
  readonly #faults: (Verdict & Place)[] = []
  readonly #outcomes = new Map<string, RecipientOutcome>()
  /** Logs what is said; `undefined` when nobody hears it. */
  readonly dialogue: Dialogue | undefined

  constructor(delivery: Delivery, logger: Logger) {
    this.#delivery = delivery
    this.#logger = logger
    this.dialogue = this.#logDialogue()
  }

  /** Recipients without an outcome. */
  remaining(): EnvelopeRecipient[] {
    return this.#delivery.recipients.filter(({ address }) => !this.#outcomes.has(address))
  }

  /** Whether any host was found wanting. */
  get faulty(): boolean {
    return this.#faults.length > 0
  }

  /** Notes that a host was of no use. */
  blame(verdict: Verdict, place: Place = {}): void {
    const { traceId, destination } = this.#delivery
    this.#logger.info({ traceId, destination, ...place, reason: verdict.reason }, 'no delivery by this host')
    this.#faults.push({ ...verdict, ...place })
  }

  /**
   * Sends to all that are left over one session. Answers `'stale'` when one that was kept turned out to be dead before the
   * server answered anything; nothing is noted then.
   */
  async send(
    session: SmtpSession,
    host: Place,
    { timeouts, end, kept, weigh = fault => fault }: SendOptions,
  ): Promise<'stale' | 'sent'> {
    const place = { ...host, ...(session.tls !== undefined && { tls: session.tls }) }
    session.wire.listen(this.dialogue)
    const release = end.cuts(session.wire)
    try {
      for (let more = true; more; ) {
        const { envelope, message } = this.#delivery
        const mail = { envelope, message, recipients: this.remaining() }
        const result = await runTransaction(session, mail, timeouts)
        if (kept && result.stale && !end.isReached) return 'stale'
        more = this.#takeVerdicts(result.verdicts, place) && result.fault === undefined
        if (result.fault) this.blame(weigh(result.fault), place)
      }
    } finally {
      release()
    }
    return 'sent'
  }

  /** An outcome for every recipient: what is left shares what tells most of what went wrong. */
  outcomes(): RecipientOutcome[] {
    const rest = this.#tellingFault()
    for (const { address } of this.remaining()) this.#settle(address, rest, rest)
    return [...this.#outcomes.values()]
  }

  /** Notes what became of recipients. Answers whether some were only too many at once, and may follow now. */
  #takeVerdicts(verdicts: ReadonlyMap<string, Verdict>, place: Place): boolean {
    const delivered = [...verdicts.values()].some(verdict => verdict.status === 'delivered')
    let postponed = false
    for (const [address, verdict] of verdicts) {
      if (delivered && isTooMany(verdict)) postponed = true
      else this.#settle(address, verdict, place)
    }
    return postponed
  }

  #settle(recipient: string, verdict: Verdict, place: Place): void {
    this.#outcomes.set(recipient, { recipient, ...place, ...verdict })
  }

  /** Of what went wrong, what tells most: something temporary before something final, a reply before silence, the last. */
  #tellingFault(): Verdict & Place {
    const temporary = this.#faults.filter(fault => fault.status === 'deferred')
    const candidates = temporary.length > 0 ? temporary : this.#faults
    const telling = candidates.findLast(fault => fault.reply) ?? candidates.at(-1)
    return telling ?? localVerdict('deferred', 'local', '4.3.0', 'the attempt came to nothing')
  }

  #logDialogue(): Dialogue | undefined {
    const logger = this.#logger
    if (logger === silentLogger) return undefined
    const { traceId, destination } = this.#delivery
    return {
      sent: line => logger.debug({ traceId, destination, line }, 'sent'),
      received: reply => logger.debug({ traceId, destination, line: describeReply(reply) }, 'received'),
    }
  }
}

/** Whether a recipient was only one too many for a transaction (RFC 5321 §4.5.3.1.10, RFC 3463 §3.6). */
function isTooMany({ command, status, reply }: Verdict): boolean {
  if (command !== 'RCPT TO' || status !== 'deferred' || !reply) return false
  return reply.enhanced === undefined
    ? reply.code === 452 || reply.code === 552
    : /^[45]\.5\.3$/.test(reply.enhanced)
}
