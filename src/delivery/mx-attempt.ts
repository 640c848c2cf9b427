import { setMaxListeners } from 'node:events'
import type tls from 'node:tls'
import { MailError } from '../core/error.js'
import { AttemptProgress } from './attempt-progress.js'
import { connectToHost } from './connect-to-host.js'
import type { ConnectionPool, PooledSession } from './connection-pool.js'
import { findMx, type MailHost, type MailHosts } from './find-mx.js'
import type { MxTransportSettings } from './options.js'
import { type ResolvedHost, resolveHost, withoutPrivate } from './resolve-host.js'
import type { Delivery, RecipientOutcome } from './transport.js'
import { errorVerdict, localVerdict, type Verdict } from './verdict.js'

/** What attempts share. */
export interface MxContext extends MxTransportSettings {
  readonly pool: ConnectionPool
  readonly secureContext: tls.SecureContext
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
  readonly #progress: AttemptProgress
  #connections = 0

  constructor(context: MxContext, delivery: Delivery, signal: AbortSignal) {
    this.#context = context
    this.#delivery = delivery
    this.#startedAt = context.clock.monotonic()
    this.#signal = AbortSignal.any([signal, this.#ending.signal])
    // Lookups for all hosts of one preference listen to it at once; their number is bounded by the limits.
    setMaxListeners(0, this.#signal)
    this.#progress = new AttemptProgress(delivery, context.logger)
  }

  /** Resolves to an outcome per recipient. Never rejects. */
  async run(): Promise<RecipientOutcome[]> {
    const { clock, limits } = this.#context
    const timer = clock.schedule(limits.attempt, () => this.#ending.abort())
    try {
      await this.#walk()
    } catch (error) {
      this.#progress.blame(errorVerdict(error))
    } finally {
      timer.cancel()
    }
    return this.#progress.outcomes()
  }

  async #walk(): Promise<void> {
    const { resolver, random, limits } = this.#context
    const { destination, envelope } = this.#delivery
    const options = { resolver, random, maxHosts: limits.hosts, signal: this.#signal }
    const found = await this.#unlessEnded(findMx(destination, options))
    if ('status' in found) return this.#progress.blame(found)
    if (envelope.requireTls && !found.secure) {
      // RFC 8689 §4.2.1: whoever forges the MX record would get the message.
      const reason = `REQUIRETLS needs the MX of ${destination} to be validated by DNSSEC`
      return this.#progress.blame(localVerdict('failed', 'host', '5.7.10', reason))
    }
    await this.#tryGroups(found.groups)
  }

  async #tryGroups(groups: MailHosts['groups']): Promise<void> {
    for (const group of groups) {
      const hosts = await this.#unlessEnded(Promise.all(group.map(host => this.#resolve(host))))
      if (hosts.some(host => this.#isSelf(host))) {
        const reason = `mail for ${this.#delivery.destination} loops back to this server`
        return this.#progress.blame(localVerdict('failed', 'host', '5.4.6', reason))
      }
      for (const host of hosts) {
        await this.#tryHost(this.#context.allowPrivateAddresses ? host : withoutPrivate(host))
        if (this.#isOver()) return
      }
    }
    if (this.#progress.faulty) return
    const reason = `${this.#delivery.destination} has no mail exchanger with a valid name`
    this.#progress.blame(localVerdict('failed', 'host', '5.4.4', reason))
  }

  #resolve(host: MailHost): Promise<ResolvedHost> {
    return resolveHost(host, { resolver: this.#context.resolver, signal: this.#signal })
  }

  #isSelf({ name, addresses }: ResolvedHost): boolean {
    return name === this.#context.hostname.toLowerCase() || this.#context.isSelf(name, addresses)
  }

  async #tryHost({ name, addresses, problem }: ResolvedHost): Promise<void> {
    if (problem) this.#progress.blame(problem, { host: name })
    const kept = addresses.length > 0 ? this.#context.pool.take(this.#poolKey(name)) : undefined
    if (kept && (await this.#send(name, kept, true))) return
    for (const address of addresses) {
      if (this.#isOver()) return
      this.#connections++
      const { dialogue } = this.#progress
      const target = {
        host: name,
        address,
        tls: this.#tlsLevel(),
        ...(dialogue && { dialogue }),
      }
      const connected = await connectToHost(target, this.#context, this.#signal)
      if ('fault' in connected) this.#progress.blame(this.#strictly(connected.fault), { host: name, address })
      else {
        const openedAt = this.#context.clock.monotonic()
        await this.#send(name, { session: connected.session, address, openedAt }, false)
      }
    }
  }

  /** Sends to all that are left over one session. Answers `false` for a kept one that turned out to be dead. */
  async #send(host: string, pooled: PooledSession, kept: boolean): Promise<boolean> {
    const { session, address } = pooled
    const weigh = (fault: Verdict) => this.#strictly(fault)
    const options = { timeouts: this.#context.timeouts, signal: this.#signal, kept, weigh }
    if ((await this.#progress.send(session, { host, address }, options)) === 'stale') return false
    this.#context.pool.give(this.#poolKey(host), pooled)
    return true
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
      this.#progress.remaining().length === 0 ||
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
}
