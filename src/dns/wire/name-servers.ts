import { rcode } from '../packet.js'
import type { QuestionType } from '../record.js'
import type { DnsFailure } from '../resolver.js'
import { askOverTcp, askOverUdp, type Exchange, failure } from './exchange.js'
import type { WireResolverSettings } from './options.js'
import { encodeQuery, type Reply } from './reply.js'
import type { ServerAddress } from './server-address.js'
import { Slots } from './slots.js'

/** The name servers of a resolver, and which of them to ask first. */
export class NameServers {
  readonly #settings: WireResolverSettings
  readonly #slots: Slots
  /** Index of the server that answered last. */
  #preferred = 0

  constructor(settings: WireResolverSettings) {
    this.#settings = settings
    this.#slots = new Slots(settings.concurrency)
  }

  /**
   * Asks one server after the other until one answers: NOERROR or NXDOMAIN. A server that refuses or fails is not
   * asked again for this question; a silent one is, as packets get lost.
   */
  async ask(name: string, type: QuestionType, signal: AbortSignal): Promise<Reply | DnsFailure> {
    const { servers, attempts } = this.#settings
    const failures = new Map<ServerAddress, DnsFailure>()
    const spoke = new Set<ServerAddress>()
    const first = this.#preferred
    for (let turn = 0; turn < attempts * servers.length && !signal.aborted; turn++) {
      const index = (first + turn) % servers.length
      const server = servers[index]
      if (!server || spoke.has(server)) continue
      const outcome = await this.#askServer(server, name, type, signal)
      if (outcome.status === 'reply') {
        this.#preferred = index
        return outcome
      }
      failures.set(server, outcome)
      if (outcome.reason === 'servfail' || outcome.reason === 'refused') spoke.add(server)
    }
    return summary([...failures.values()])
  }

  async #askServer(
    server: ServerAddress,
    name: string,
    type: QuestionType,
    signal: AbortSignal,
  ): Promise<Reply | DnsFailure> {
    await this.#slots.take()
    const end = new AbortController()
    const abort = () => end.abort()
    signal.addEventListener('abort', abort, { once: true })
    const timer = this.#settings.clock.schedule(this.#settings.timeout, abort)
    try {
      if (signal.aborted) abort()
      return await this.#converse(server, name, type, end.signal)
    } finally {
      timer.cancel()
      signal.removeEventListener('abort', abort)
      this.#slots.give()
    }
  }

  async #converse(
    server: ServerAddress,
    name: string,
    type: QuestionType,
    signal: AbortSignal,
  ): Promise<Reply | DnsFailure> {
    const { trustAd, randomCase } = this.#settings
    const exchange = (edns: boolean): Exchange => {
      const query = encodeQuery(name, type, { authentic: trustAd, randomCase, edns })
      return { server, query, exactCase: randomCase, signal }
    }
    let reply = await this.#send(exchange(true))
    // A server from before EDNS says so in either of these ways (RFC 6891 §7).
    if (reply.status === 'reply' && (reply.rcode === rcode.formErr || reply.rcode === rcode.notImp)) {
      reply = await this.#send(exchange(false))
    }
    return reply.status === 'reply' ? judge(reply, server) : reply
  }

  async #send(exchange: Exchange): Promise<Reply | DnsFailure> {
    const reply = await askOverUdp(exchange)
    return reply.status === 'reply' && reply.truncated ? askOverTcp(exchange, this.#settings.network) : reply
  }
}

function judge(reply: Reply, server: ServerAddress): Reply | DnsFailure {
  if (reply.rcode === rcode.noError || reply.rcode === rcode.nxDomain) return reply
  if (reply.rcode === rcode.refused) return failure(server, 'refused', 'REFUSED')
  if (reply.rcode === rcode.servFail) return failure(server, 'servfail', 'SERVFAIL')
  return failure(server, 'servfail', `response code ${reply.rcode}`)
}

/** What a server said tells more than another's silence. */
function summary(failures: readonly DnsFailure[]): DnsFailure {
  const worst = failures.find(({ reason }) => reason === 'servfail' || reason === 'refused') ?? failures[0]
  return {
    status: 'temporary-failure',
    reason: worst?.reason ?? 'timeout',
    detail: failures.map(({ detail }) => detail).join('; ') || 'no name server was asked',
  }
}
