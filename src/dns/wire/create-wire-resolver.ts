import { parseOptions } from '../../core/options.js'
import { rcode } from '../packet.js'
import type { QuestionType, RecordData } from '../record.js'
import { closedResolver, RecordResolver } from '../record-resolver.js'
import type { DnsAnswer, Resolver } from '../resolver.js'
import { AnswerCache } from './answer-cache.js'
import { followAliases, longestChain } from './follow-aliases.js'
import { NameServers } from './name-servers.js'
import { type WireResolverOptions, type WireResolverSettings, wireResolverOptionsSchema } from './options.js'

/**
 * Creates a resolver that asks given recursive name servers over UDP, and over TCP where UDP cannot hold the answer.
 * It keeps answers for their TTL, asks the same question once however many wait for it, and goes to the next server
 * when one fails.
 * @throws MailError `OPTION_INVALID`.
 */
export function createWireResolver(options: WireResolverOptions): Resolver {
  return new WireResolver(parseOptions('createDnsResolver', wireResolverOptionsSchema(), options))
}

/** Answers larger than this are passed on and not kept, so that the cache has a bound in octets too. */
const largestKept = 8_192

/** A question on its way. */
interface Lookup {
  readonly answer: Promise<DnsAnswer<unknown>>
  readonly end: AbortController
  waiters: number
}

/** An answer and the octets it came in. */
interface SizedAnswer {
  readonly answer: DnsAnswer<unknown>
  readonly size: number
}

class WireResolver extends RecordResolver {
  readonly #settings: WireResolverSettings
  readonly #servers: NameServers
  readonly #cache: AnswerCache | undefined
  readonly #lookups = new Map<string, Lookup>()
  #closed = false

  constructor(settings: WireResolverSettings) {
    super()
    this.#settings = settings
    this.#servers = new NameServers(settings)
    this.#cache = settings.cache ? new AnswerCache(settings.cache, settings.clock) : undefined
  }

  async close(): Promise<void> {
    this.#closed = true
    const lookups = [...this.#lookups.values()]
    for (const lookup of lookups) lookup.end.abort()
    await Promise.allSettled(lookups.map(lookup => lookup.answer))
  }

  protected async ask<Type extends QuestionType>(
    name: string,
    type: Type,
    signal: AbortSignal | undefined,
  ): Promise<DnsAnswer<RecordData[Type]>> {
    if (this.#closed) throw closedResolver()
    const question = `${type} ${name}`
    const answer = this.#cache?.get(question) ?? (await this.#join(question, name, type, signal))
    if (this.#closed) throw closedResolver()
    return answer as DnsAnswer<RecordData[Type]>
  }

  /** Waits for the lookup of a question with all others who do; the last one to leave ends it. */
  async #join(
    question: string,
    name: string,
    type: QuestionType,
    signal: AbortSignal | undefined,
  ): Promise<DnsAnswer<unknown>> {
    const lookup = this.#lookups.get(question) ?? this.#start(question, name, type)
    lookup.waiters++
    const leave = () => {
      if (--lookup.waiters > 0) return
      if (this.#lookups.get(question) === lookup) this.#lookups.delete(question)
      lookup.end.abort()
    }
    signal?.addEventListener('abort', leave, { once: true })
    try {
      return await lookup.answer
    } finally {
      signal?.removeEventListener('abort', leave)
    }
  }

  #start(question: string, name: string, type: QuestionType): Lookup {
    const end = new AbortController()
    const finish = async () => {
      try {
        const { answer, size } = await this.#resolve(name, type, end.signal)
        if (!this.#cache || end.signal.aborted || size > largestKept) return answer
        return this.#cache.keep(question, answer)
      } finally {
        if (this.#lookups.get(question) === lookup) this.#lookups.delete(question)
      }
    }
    const lookup: Lookup = { answer: this.#settings.clock.track(finish()), end, waiters: 0 }
    this.#lookups.set(question, lookup)
    return lookup
  }

  /**
   * Asks until there is an end. A recursive server gives the whole chain of aliases in one answer; where one gives
   * only its beginning, the rest is asked for.
   */
  async #resolve(name: string, type: QuestionType, signal: AbortSignal): Promise<SizedAnswer> {
    let owner = name
    let chainTtl = Number.POSITIVE_INFINITY
    let secure = this.#settings.trustAd
    for (let aliases = 0; aliases <= longestChain; ) {
      const reply = await this.#servers.ask(owner, type, signal)
      if (reply.status !== 'reply') return { answer: reply, size: 0 }
      const { size } = reply
      secure &&= reply.authentic
      const trail = followAliases(reply.records, owner, type)
      if (trail.end === 'loop') break
      const ttl = Math.min(chainTtl, trail.ttl)
      if (trail.end === 'records') {
        const canonical = trail.name === name ? {} : { canonical: trail.name }
        return { answer: { status: 'found', records: trail.records, ttl, secure, ...canonical }, size }
      }
      if (reply.rcode === rcode.noError && reply.damaged) return { answer: unusable(name, type), size }
      const absent = { status: 'not-found', ttl: Math.min(ttl, reply.negativeTtl ?? 0), secure } as const
      if (reply.rcode === rcode.nxDomain) return { answer: { ...absent, reason: 'nxdomain' }, size }
      if (trail.aliases === 0 || reply.negativeTtl !== undefined) {
        return { answer: { ...absent, reason: 'nodata' }, size }
      }
      if (!isAskable(trail.name)) return { answer: unusable(name, type), size }
      owner = trail.name
      aliases += trail.aliases
      chainTtl = ttl
    }
    const detail = `more than ${longestChain} aliases from ${name}`
    return { answer: { status: 'temporary-failure', reason: 'loop', detail }, size: 0 }
  }
}

function unusable(name: string, type: QuestionType): DnsAnswer<never> {
  const detail = `no ${type} record of ${name} could be used`
  return { status: 'temporary-failure', reason: 'malformed', detail }
}

/** Whether a name that came in a packet goes into one: labels of printable ASCII. */
function isAskable(name: string): boolean {
  return name.length <= 253 && /^[!-~]+$/.test(name) && name.split('.').every(label => label !== '')
}
