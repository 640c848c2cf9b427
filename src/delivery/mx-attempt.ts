import { isIPv6 } from 'node:net'
import type tls from 'node:tls'
import { AttemptEnd } from './attempt-end.js'
import { AttemptProgress, type Place } from './attempt-progress.js'
import { type Connected, connectToHost } from './connect-to-host.js'
import type { ConnectionPool, PooledSession } from './connection-pool.js'
import { type MailHost, orderHosts } from './find-mx.js'
import type { MxTransportSettings } from './options.js'
import type { OwnAddresses } from './own-addresses.js'
import { knownHosts, ofFamily, type ResolvedHost, resolveHosts, withoutPrivate } from './resolve-host.js'
import type { Route, RouteCache } from './route-cache.js'
import type { SmtpSession } from './smtp-client/smtp-session.js'
import type { DestinationTls } from './tls-policy/destination-tls.js'
import type { HostTls, UnusableHost } from './tls-policy/host-tls.js'
import { planTls } from './tls-policy/plan-tls.js'
import type { StsPolicies } from './tls-policy/sts-policies.js'
import type { Delivery, RecipientOutcome } from './transport.js'
import { errorVerdict, localVerdict, type Verdict } from './verdict.js'

/** What attempts share. */
export interface MxContext extends MxTransportSettings {
  readonly pool: ConnectionPool
  readonly secureContext: tls.SecureContext
  /** The addresses of this server. */
  readonly own: OwnAddresses
  readonly routes: RouteCache
  /** MTA-STS policies, where they are followed. */
  readonly sts?: StsPolicies
}

/** A host, and how connections to it are secured. */
interface SecuredHost {
  readonly name: string
  readonly tls: HostTls
}

/** A host that is to be connected to. */
interface DialledHost extends SecuredHost {
  /** Whether what becomes of that is counted. Not for mail that passes over policies, as reports do: they would never end. */
  readonly counted: boolean
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
  readonly #end: AttemptEnd
  readonly #progress: AttemptProgress
  #connections = 0

  constructor(context: MxContext, delivery: Delivery, signal: AbortSignal) {
    this.#context = context
    this.#delivery = delivery
    this.#startedAt = context.clock.monotonic()
    this.#end = new AttemptEnd(context.clock, signal, context.limits.attempt)
    this.#progress = new AttemptProgress(delivery, context.logger)
  }

  /** Resolves to an outcome per recipient. Never rejects. */
  async run(): Promise<RecipientOutcome[]> {
    try {
      await this.#walk()
    } catch (error) {
      this.#progress.blame(errorVerdict(error))
    } finally {
      this.#end.release()
    }
    return this.#progress.outcomes()
  }

  async #walk(): Promise<void> {
    const { routes, limits } = this.#context
    const { traceId, destination } = this.#delivery
    const route =
      routes.get(destination) ?? (await this.#end.unlessReached(routes.ask(destination, this.#end.signal)))
    if ('status' in route) return this.#progress.blame(route)
    const plan = await this.#end.unlessReached(planTls(this.#context, this.#delivery, route.found, this.#end))
    const groups = orderHosts(route.found.hosts, { lot: traceId, maxHosts: limits.hosts })
    await this.#tryGroups(groups, route.hosts, plan)
    if (this.#progress.faulty) routes.forget(destination)
    else routes.keep(destination, route)
  }

  async #tryGroups(
    groups: readonly (readonly MailHost[])[],
    known: Route['hosts'],
    plan: DestinationTls,
  ): Promise<void> {
    for (const group of groups) {
      const hosts = knownHosts(group, known) ?? (await this.#resolve(group, known))
      if (hosts.some(host => this.#isSelf(host))) {
        const reason = `mail for ${this.#delivery.destination} loops back to this server`
        return this.#progress.blame(localVerdict('failed', 'host', '5.4.6', reason))
      }
      for (const host of hosts) {
        await this.#tryHost(this.#reachable(host), plan)
        if (this.#isOver()) return
      }
    }
    if (this.#progress.faulty) return
    const reason = `${this.#delivery.destination} has no mail exchanger with a valid name`
    this.#progress.blame(localVerdict('failed', 'host', '5.4.4', reason))
  }

  #resolve(group: readonly MailHost[], known: Route['hosts']): Promise<ResolvedHost[]> {
    const options = { resolver: this.#context.resolver, signal: this.#end.signal }
    return this.#end.unlessReached(resolveHosts(group, known, options))
  }

  /** The host with the addresses that it may be spoken to by, from here and in this attempt. */
  #reachable(found: ResolvedHost): ResolvedHost {
    const { allowPrivateAddresses, localAddress } = this.#context
    const host = allowPrivateAddresses ? found : withoutPrivate(found)
    const own = ofFamily(host, localAddress.map(familyOf))
    if (localAddress.length > 0 && !own) {
      const reason = `${host.name} has no address of the family of this server's`
      return { name: host.name, addresses: [], problem: localVerdict('failed', 'host', '5.4.4', reason) }
    }
    const open = localAddress.length > 0 && own ? own : host
    const { family } = this.#delivery
    return (family && ofFamily(open, [family])) || open
  }

  #isSelf(host: ResolvedHost): boolean {
    const { hostname, own, isSelf } = this.#context
    const isCalledSo = host.name === hostname || host.canonical === hostname
    return isCalledSo || own.hasHost(host) || isSelf(host.name, host.addresses)
  }

  async #tryHost(host: ResolvedHost, plan: DestinationTls): Promise<void> {
    const { name, addresses, problem } = host
    if (problem) this.#progress.blame(problem, { host: name })
    if (addresses.length === 0) return
    const tls = await this.#end.unlessReached(plan.forHost(host))
    if ('fault' in tls) return this.#passOver(name, tls)
    const kept = this.#context.pool.take(this.#poolKey(name, tls))
    if (kept && (await this.#send({ name, tls }, kept, true))) return
    const counted = this.#context.onTls !== undefined && !(await this.#end.unlessReached(plan.waives()))
    for (const address of addresses) {
      if (this.#isOver()) return
      await this.#connect({ name, tls, counted }, address)
    }
  }

  /** Counts a host that a policy rules out, as a connection to it would have been. */
  #passOver(host: string, { fault, policy, problem }: UnusableHost): void {
    this.#progress.blame(fault, { host })
    if (policy && problem)
      this.#context.onTls?.({ domain: this.#delivery.destination, policy, host, problem })
  }

  async #connect({ name, tls, counted }: DialledHost, address: string): Promise<void> {
    this.#connections++
    const { dialogue } = this.#progress
    const target = { host: name, address, tls, ...(dialogue && { dialogue }) }
    const connected = await connectToHost(target, this.#context, this.#end.signal)
    if (counted) this.#report({ name, tls }, address, connected)
    if ('fault' in connected) {
      const place = { host: name, address, tlsRule: tls.rule }
      return this.#progress.blame(this.#strictly(connected.fault), place)
    }
    const openedAt = this.#context.clock.monotonic()
    await this.#send({ name, tls }, { session: connected.session, address, openedAt }, false)
  }

  /** Counts what became of the encryption of a new connection; one that did not come so far tells nothing. */
  #report({ name, tls }: SecuredHost, address: string, connected: Connected): void {
    const problem = 'session' in connected ? connected.session.tlsProblem : connected.tlsProblem
    if (tls.level === 'none' || ('fault' in connected && !problem)) return
    const { localAddress } = connected
    this.#context.onTls?.({
      domain: this.#delivery.destination,
      policy: tls.policy,
      host: name,
      address,
      ...(localAddress && { localAddress }),
      ...(problem && { problem }),
    })
  }

  /** Sends to all that are left over one session. Answers `false` for a kept one that turned out to be dead. */
  async #send({ name, tls }: SecuredHost, pooled: PooledSession, kept: boolean): Promise<boolean> {
    const { session, address } = pooled
    const weigh = (fault: Verdict) => this.#strictly(fault)
    const options = { timeouts: this.#context.timeouts, end: this.#end, kept, weigh }
    const place = { host: name, address, ...describeTls(session, tls) }
    if ((await this.#progress.send(session, place, options)) === 'stale') return false
    this.#context.pool.give(this.#poolKey(name, tls), pooled)
    return true
  }

  /** For REQUIRETLS, a host that cannot encrypt as it should is of no use, now or later (RFC 8689 §4.2.1). */
  #strictly(fault: Verdict): Verdict {
    const noTls = fault.enhanced === '4.7.4' || fault.enhanced === '4.7.5'
    if (!this.#delivery.envelope.requireTls || !noTls) return fault
    return { ...fault, status: 'failed', enhanced: '5.7.10' }
  }

  #poolKey(host: string, tls: HostTls): string {
    return `${host} ${tls.key} ${this.#delivery.family ?? ''}`
  }

  #isOver(): boolean {
    const { clock, limits } = this.#context
    return (
      this.#end.isReached ||
      this.#progress.remaining().length === 0 ||
      this.#connections >= limits.addresses ||
      clock.monotonic() - this.#startedAt >= limits.trying
    )
  }
}

/** What an outcome tells of the encryption. */
function describeTls({ tls }: SmtpSession, { rule, voucher }: HostTls): Place {
  if (tls === undefined) return { tlsRule: rule }
  return { tls, tlsRule: rule, ...(voucher && { tlsVerified: voucher }) }
}

function familyOf(address: string): 4 | 6 {
  return isIPv6(address) ? 6 : 4
}
