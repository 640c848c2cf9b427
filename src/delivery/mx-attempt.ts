import { setMaxListeners } from 'node:events'
import type tls from 'node:tls'
import type { EnvelopeRecipient } from '../core/envelope.js'
import { MailError } from '../core/error.js'
import { silentLogger } from '../core/logger.js'
import { describeReply } from '../smtp/reply.js'
import { connectToHost, endWithSignal } from './connect-to-host.js'
import type { ConnectionPool, PooledSession } from './connection-pool.js'
import { findMx, type MailHost, type MailHosts } from './find-mx.js'
import type { MxTransportSettings } from './options.js'
import { type ResolvedHost, resolveHost, withoutPrivate } from './resolve-host.js'
import { runTransaction } from './smtp-client/run-transaction.js'
import type { Dialogue } from './smtp-client/smtp-wire.js'
import type { Delivery, RecipientOutcome } from './transport.js'
import { errorVerdict, localVerdict, type Verdict } from './verdict.js'

/** What attempts share. */
export interface MxContext extends MxTransportSettings {
  readonly pool: ConnectionPool
  readonly secureContext: tls.SecureContext
}

/** Where a verdict was given. */
interface Place {
  readonly host?: string
  readonly address?: string
  readonly tls?: string
}

/**
 * One attempt: walks the mail exchangers of a destination and their addresses until every recipient has an outcome.
 * An error of a host leads to the next; an answer about the message or a recipient is taken as it is, and so is a
 * connection lost after the final dot, as another try might deliver a second copy.
 */
export class MxAttempt {
  readonly #context: MxContext
  readonly #delivery: Delivery
  readonly #startedAt: number
  readonly #ending = new AbortController()
  readonly #signal: AbortSignal
  readonly #dialogue: Dialogue | undefined
  readonly #faults: (Verdict & Place)[] = []
  readonly #outcomes = new Map<string, RecipientOutcome>()
  #connections = 0

  constructor(context: MxContext, delivery: Delivery, signal: AbortSignal) {
    this.#context = context
    this.#delivery = delivery
    this.#startedAt = context.clock.monotonic()
    this.#signal = AbortSignal.any([signal, this.#ending.signal])
    // Lookups for all hosts of one preference listen to it at once; their number is bounded by the limits.
    setMaxListeners(0, this.#signal)
    this.#dialogue = this.#logDialogue()
  }

  /** Resolves to an outcome per recipient. Never rejects. */
  async run(): Promise<RecipientOutcome[]> {
    const { clock, limits } = this.#context
    const timer = clock.schedule(limits.attempt, () => this.#ending.abort())
    try {
      await this.#walk()
    } catch (error) {
      this.#faults.push(errorVerdict(error))
    } finally {
      timer.cancel()
    }
    const rest = this.#tellingFault()
    for (const { address } of this.#remaining()) this.#settle(address, rest, rest)
    return [...this.#outcomes.values()]
  }

  async #walk(): Promise<void> {
    const { resolver, random, limits } = this.#context
    const { destination, envelope } = this.#delivery
    const options = { resolver, random, maxHosts: limits.hosts, signal: this.#signal }
    const found = await this.#unlessEnded(findMx(destination, options))
    if ('status' in found) return this.#blame(found)
    if (envelope.requireTls && !found.secure) {
      // RFC 8689 §4.2.1: whoever forges the MX record would get the message.
      const reason = `REQUIRETLS needs the MX of ${destination} to be validated by DNSSEC`
      return this.#blame(localVerdict('failed', 'host', '5.7.10', reason))
    }
    await this.#tryGroups(found.groups)
  }

  async #tryGroups(groups: MailHosts['groups']): Promise<void> {
    for (const group of groups) {
      const hosts = await this.#unlessEnded(Promise.all(group.map(host => this.#resolve(host))))
      if (hosts.some(host => this.#isSelf(host))) {
        const reason = `mail for ${this.#delivery.destination} loops back to this server`
        return this.#blame(localVerdict('failed', 'host', '5.4.6', reason))
      }
      for (const host of hosts) {
        await this.#tryHost(this.#context.allowPrivateAddresses ? host : withoutPrivate(host))
        if (this.#isOver()) return
      }
    }
    if (this.#faults.length > 0) return
    const reason = `${this.#delivery.destination} has no mail exchanger with a valid name`
    this.#blame(localVerdict('failed', 'host', '5.4.4', reason))
  }

  #resolve(host: MailHost): Promise<ResolvedHost> {
    return resolveHost(host, { resolver: this.#context.resolver, signal: this.#signal })
  }

  #isSelf({ name, addresses }: ResolvedHost): boolean {
    return name === this.#context.hostname.toLowerCase() || this.#context.isSelf(name, addresses)
  }

  async #tryHost({ name, addresses, problem }: ResolvedHost): Promise<void> {
    if (problem) this.#blame(problem, { host: name })
    const kept = addresses.length > 0 ? this.#context.pool.take(this.#poolKey(name)) : undefined
    if (kept && (await this.#send(name, kept, true))) return
    for (const address of addresses) {
      if (this.#isOver()) return
      this.#connections++
      const target = {
        host: name,
        address,
        tls: this.#tlsLevel(),
        ...(this.#dialogue && { dialogue: this.#dialogue }),
      }
      const connected = await connectToHost(target, this.#context, this.#signal)
      if ('fault' in connected) this.#blame(this.#strictly(connected.fault), { host: name, address })
      else {
        const openedAt = this.#context.clock.monotonic()
        await this.#send(name, { session: connected.session, address, openedAt }, false)
      }
    }
  }

  /** Sends to all that are left over one session. Answers `false` for a kept one that turned out to be dead. */
  async #send(host: string, pooled: PooledSession, kept: boolean): Promise<boolean> {
    const { session, address } = pooled
    const place = { host, address, ...(session.tls !== undefined && { tls: session.tls }) }
    session.wire.listen(this.#dialogue)
    const release = endWithSignal(session.wire, this.#signal)
    try {
      for (let more = true; more; ) {
        const { envelope, message } = this.#delivery
        const mail = { envelope, message, recipients: this.#remaining() }
        const result = await runTransaction(session, mail, this.#context.timeouts)
        if (kept && result.stale && !this.#signal.aborted) return false
        more = this.#takeVerdicts(result.verdicts, place) && result.fault === undefined
        if (result.fault) this.#blame(this.#strictly(result.fault), place)
      }
    } finally {
      release()
    }
    this.#context.pool.give(this.#poolKey(host), pooled)
    return true
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

  #remaining(): EnvelopeRecipient[] {
    return this.#delivery.recipients.filter(({ address }) => !this.#outcomes.has(address))
  }

  #blame(verdict: Verdict, place: Place = {}): void {
    const { traceId, destination } = this.#delivery
    this.#context.logger.info(
      { traceId, destination, ...place, reason: verdict.reason },
      'no delivery by this host',
    )
    this.#faults.push({ ...verdict, ...place })
  }

  /** Of what went wrong, what tells most: something temporary before something final, a reply before silence, the last. */
  #tellingFault(): Verdict & Place {
    const temporary = this.#faults.filter(fault => fault.status === 'deferred')
    const candidates = temporary.length > 0 ? temporary : this.#faults
    const telling = candidates.findLast(fault => fault.reply) ?? candidates.at(-1)
    return telling ?? localVerdict('deferred', 'local', '4.3.0', 'the attempt came to nothing')
  }

  /** For REQUIRETLS, a host that cannot encrypt as it should is of no use, now or later (RFC 8689 §4.2.1). */
  #strictly(fault: Verdict): Verdict {
    const noTls = fault.enhanced === '4.7.4' || fault.enhanced === '4.7.5'
    if (!this.#delivery.envelope.requireTls || !noTls) return fault
    return { ...fault, status: 'failed', enhanced: '5.7.10' }
  }

  #tlsLevel() {
    return this.#delivery.envelope.requireTls ? 'verified' : this.#context.tls
  }

  #poolKey(host: string): string {
    return `${host} ${this.#tlsLevel()}`
  }

  #isOver(): boolean {
    const { clock, limits } = this.#context
    return (
      this.#signal.aborted ||
      this.#remaining().length === 0 ||
      this.#connections >= limits.addresses ||
      clock.monotonic() - this.#startedAt >= limits.trying
    )
  }

  /** A resolver that does not heed its signal must not keep the attempt from ending. */
  #unlessEnded<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = () => reject(new MailError('ABORTED', 'the attempt was ended', { temporary: true }))
      if (this.#signal.aborted) end()
      this.#signal.addEventListener('abort', end, { once: true })
      work.then(resolve, reject).finally(() => this.#signal.removeEventListener('abort', end))
    })
  }

  #logDialogue(): Dialogue | undefined {
    const { logger } = this.#context
    if (logger === silentLogger) return undefined
    const { traceId, destination } = this.#delivery
    return {
      sent: line => logger.debug({ traceId, destination, line }, 'sent'),
      received: reply => logger.debug({ traceId, destination, line: describeReply(reply) }, 'received'),
    }
  }
}

/** Whether a recipient was only one too many for a transaction (RFC 5321 §4.5.3.1.10, RFC 3463 §3.6). */
function isTooMany({ scope, status, reply }: Verdict): boolean {
  if (scope !== 'recipient' || status !== 'deferred' || !reply) return false
  return reply.enhanced === undefined
    ? reply.code === 452 || reply.code === 552
    : /^[45]\.5\.3$/.test(reply.enhanced)
}
