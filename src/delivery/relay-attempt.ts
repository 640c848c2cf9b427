import { isIP } from 'node:net'
import type { Logger } from '../core/logger.js'
import type { Resolver } from '../dns/resolver.js'
import { AttemptEnd } from './attempt-end.js'
import { AttemptProgress } from './attempt-progress.js'
import type { Connected } from './connect-to-host.js'
import type { ConnectionPool } from './connection-pool.js'
import {
  openRelaySession,
  type RelayContext,
  type RelayServer,
  type RelayTarget,
} from './open-relay-session.js'
import { type ResolvedHost, resolveHost } from './resolve-host.js'
import type { SlotGate } from './slot-gate.js'
import { noPolicy, type TlsResult } from './tls-policy/host-tls.js'
import type { Delivery, RecipientOutcome } from './transport.js'
import { errorVerdict, localVerdict, type Verdict } from './verdict.js'

/** What the attempts of one relay transport share. */
export interface RelayAttemptContext extends RelayContext {
  readonly servers: readonly RelayServer[]
  readonly resolver: Resolver | undefined
  readonly pool: ConnectionPool
  readonly gate: SlotGate
  readonly onTls: (result: TlsResult) => void
  readonly logger: Logger
}

/**
 * One attempt by a list of servers that take mail for anybody: the first that can be spoken to is asked. Answers about
 * the message or a recipient are taken as they are, errors of a server lead to the next.
 */
export class RelayAttempt {
  readonly #context: RelayAttemptContext
  readonly #delivery: Delivery
  readonly #end: AttemptEnd
  readonly #progress: AttemptProgress

  constructor(context: RelayAttemptContext, delivery: Delivery, signal: AbortSignal) {
    this.#context = context
    this.#delivery = delivery
    this.#end = new AttemptEnd(context.clock, signal)
    this.#progress = new AttemptProgress(delivery, context.logger)
  }

  /** Resolves to an outcome per recipient. Never rejects. */
  async run(): Promise<RecipientOutcome[]> {
    try {
      const release = await this.#context.gate.enter(this.#end.signal)
      try {
        await this.#walk()
      } finally {
        release()
      }
    } catch (error) {
      this.#progress.blame(errorVerdict(error))
    } finally {
      this.#end.release()
    }
    return this.#progress.outcomes()
  }

  async #walk(): Promise<void> {
    for (const [index, server] of this.#context.servers.entries()) {
      if (this.#isOver()) return
      const insecure = this.#insecure(server)
      if (insecure) this.#progress.blame(insecure, { host: server.host })
      else await this.#tryServer(server, String(index))
    }
  }

  async #tryServer(server: RelayServer, key: string): Promise<void> {
    const { pool, clock } = this.#context
    const { host } = server
    const kept = pool.take(key)
    if (kept && (await this.#send(kept.session, { host, address: kept.address }, true)) !== 'stale')
      return pool.give(key, kept)
    const { addresses, problem } = await this.#resolve(server)
    if (problem) this.#progress.blame(problem, { host })
    for (const address of addresses) {
      if (this.#isOver()) return
      const { dialogue } = this.#progress
      const target = { server, address, ...(dialogue && { dialogue }) }
      const connected = await openRelaySession(target, this.#context, this.#end.signal)
      this.#report(target, connected)
      if ('fault' in connected) this.#progress.blame(connected.fault, { host, address })
      else {
        const { session } = connected
        const openedAt = clock.monotonic()
        await this.#send(session, { host, address }, false)
        pool.give(key, { session, address, openedAt })
      }
    }
  }

  /**
   * Counts how a new connection was secured, for the server's own domain: that of the recipient has no say in it. Unix
   * sockets, and servers that have no name to be asked for by, are left out.
   */
  #report({ server: { host, tls, path }, address }: RelayTarget, connected: Connected): void {
    const problem = 'session' in connected ? undefined : connected.tlsProblem
    if (path !== undefined || tls === 'none' || isIP(host) !== 0) return
    if ('fault' in connected && !problem) return
    const { localAddress } = connected
    const place = { host, address, ...(localAddress && { localAddress }) }
    this.#context.onTls({ domain: host, policy: noPolicy, ...place, ...(problem && { problem }) })
  }

  #send(
    session: Parameters<AttemptProgress['send']>[0],
    place: { host: string; address: string },
    kept: boolean,
  ) {
    const { timeouts } = this.#context
    return this.#progress.send(session, place, { timeouts, end: this.#end, kept, weigh: untilPutRight })
  }

  async #resolve({ host, path }: RelayServer): Promise<ResolvedHost> {
    const { resolver } = this.#context
    if (path !== undefined || !resolver || isIP(host) !== 0) return { name: host, addresses: [path ?? host] }
    const found = await this.#end.unlessReached(
      resolveHost({ name: host }, { resolver, signal: this.#end.signal }),
    )
    // What the app named itself is not wrong about the message.
    return found.problem ? { ...found, problem: { ...found.problem, status: 'deferred' } } : found
  }

  /** REQUIRETLS wants a verified server (RFC 8689 §4.2.1); a socket of this machine needs no encryption. */
  #insecure({ tls, verify, path }: RelayServer): Verdict | undefined {
    if (!this.#delivery.envelope.requireTls || path !== undefined) return undefined
    if (tls !== 'none' && verify) return undefined
    return localVerdict('failed', 'host', '5.7.10', 'REQUIRETLS needs a server with a verified certificate')
  }

  #isOver(): boolean {
    return this.#end.isReached || this.#progress.remaining().length === 0
  }
}

/** What a server of the app's own choice wants of whoever comes, such as a login, somebody may see to. */
function untilPutRight(fault: Verdict): Verdict {
  return fault.reply ? { ...fault, status: 'deferred' } : fault
}
