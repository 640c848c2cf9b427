import { Resolver as NodeResolver } from 'node:dns/promises'
import type { Clock } from '../../core/clock.js'
import { describeError } from '../../core/error.js'
import { parseOptions } from '../../core/options.js'
import { addressOfRecord, hostOfRecord } from '../dns-name.js'
import type { QuestionType, RecordData } from '../record.js'
import { closedResolver, RecordResolver } from '../record-resolver.js'
import type { DnsAnswer, DnsFailure, Resolver, TlsaRecord } from '../resolver.js'
import { type SystemResolverOptions, systemResolverOptionsSchema } from './options.js'

/**
 * Creates a resolver that asks the name servers of the operating system through `node:dns`. What it cannot know:
 * whether an answer was validated (`secure` is always `false`), the TTL of anything but addresses (60 seconds are
 * given), and, on Node before 22.15 and 23.9, TLSA records: those lookups end in a temporary failure. A resolver
 * that is given `servers` knows all three.
 * @throws MailError `OPTION_INVALID`.
 */
export function createSystemResolver(
  options: SystemResolverOptions & { nameservers?: readonly string[] } = {},
): Resolver {
  const { timeout, attempts, clock, nameservers } = parseOptions(
    'createDnsResolver',
    systemResolverOptionsSchema(),
    options,
  )
  const node = new NodeResolver({ timeout: Math.ceil(timeout), tries: attempts })
  if (nameservers) node.setServers(nameservers)
  return new SystemResolver(node, clock)
}

/** Seconds to keep what `node:dns` gives no TTL for. */
const unknownTtl = 60

/** `resolveTlsa`, where Node has it. */
interface TlsaResolver {
  resolveTlsa?(name: string): Promise<TlsaOfNode[]>
}

interface TlsaOfNode {
  certUsage: number
  selector: number
  match: number
  data: ArrayBuffer
}

/** Records of one type and the seconds to keep them. */
interface NodeAnswer<Data> {
  records: (Data | undefined)[]
  ttl?: number
}

class SystemResolver extends RecordResolver {
  readonly #node: NodeResolver & TlsaResolver
  readonly #clock: Clock
  #closed = false

  constructor(node: NodeResolver, clock: Clock) {
    super()
    this.#node = node
    this.#clock = clock
  }

  close(): Promise<void> {
    this.#closed = true
    this.#node.cancel()
    return Promise.resolve()
  }

  protected async ask<Type extends QuestionType>(
    name: string,
    type: Type,
  ): Promise<DnsAnswer<RecordData[Type]>> {
    if (this.#closed) throw closedResolver()
    if (type === 'TLSA' && !this.#node.resolveTlsa) return tlsaUnknown
    try {
      const answer = await this.#clock.track<NodeAnswer<RecordData[QuestionType]>>(this.#askers[type](name))
      return foundIn(answer as NodeAnswer<RecordData[Type]>, name)
    } catch (thrown) {
      if (this.#closed) throw closedResolver()
      return answerOfError(thrown, `${type} of ${name}`)
    }
  }

  readonly #askers: { [Type in QuestionType]: (name: string) => Promise<NodeAnswer<RecordData[Type]>> } = {
    A: async name => addressesOf(await this.#node.resolve4(name, { ttl: true }), 4),
    AAAA: async name => addressesOf(await this.#node.resolve6(name, { ttl: true }), 6),
    CNAME: async name => ({
      records: (await this.#node.resolveCname(name)).map(host => hostOfRecord(host) || undefined),
    }),
    MX: async name => ({
      records: (await this.#node.resolveMx(name)).map(({ priority, exchange }) => {
        const host = hostOfRecord(exchange)
        return host === undefined ? undefined : { preference: priority, exchange: host }
      }),
    }),
    PTR: async name => ({
      records: (await this.#node.resolvePtr(name)).map(host => hostOfRecord(host) || undefined),
    }),
    TXT: async name => ({
      records: (await this.#node.resolveTxt(name)).map(strings => strings.join('')),
    }),
    TLSA: async name => ({
      records: ((await this.#node.resolveTlsa?.(name)) ?? []).map(tlsaOf),
    }),
  }
}

const tlsaUnknown: DnsFailure = {
  status: 'temporary-failure',
  reason: 'refused',
  detail: `node:dns of Node ${process.versions.node} cannot ask for TLSA records; use createDnsResolver({ servers })`,
}

function addressesOf(records: { address: string; ttl: number }[], family: 4 | 6): NodeAnswer<string> {
  return {
    records: records.map(({ address }) => addressOfRecord(address, family)),
    ttl: Math.min(...records.map(record => record.ttl)),
  }
}

function tlsaOf({ certUsage, selector, match, data }: TlsaOfNode): TlsaRecord {
  return { usage: certUsage, selector, matchingType: match, data: new Uint8Array(data) }
}

function foundIn<Data>(answer: NodeAnswer<Data>, name: string): DnsAnswer<Data> {
  const records = answer.records.filter(record => record !== undefined)
  if (records.length > 0) return { status: 'found', records, ttl: answer.ttl ?? unknownTtl, secure: false }
  const detail = `the system's name server gave no usable record of ${name}`
  return { status: 'temporary-failure', reason: 'malformed', detail }
}

/** What is no statement about the name is temporary (RFC 5321 §5.1), an error nobody foresaw among it. */
function answerOfError(thrown: unknown, question: string): DnsAnswer<never> {
  const code = String((thrown as NodeJS.ErrnoException | null)?.code)
  const absent = { status: 'not-found', ttl: unknownTtl, secure: false } as const
  if (code === 'ENOTFOUND') return { ...absent, reason: 'nxdomain' }
  if (code === 'ENODATA') return { ...absent, reason: 'nodata' }
  const detail = `the system's name server on ${question}: ${describeError(thrown)}`
  return { status: 'temporary-failure', reason: reasons.get(code) ?? 'servfail', detail }
}

const reasons: ReadonlyMap<string, DnsFailure['reason']> = new Map([
  ['EREFUSED', 'refused'],
  ['ETIMEOUT', 'timeout'],
  ['ECONNREFUSED', 'unreachable'],
  ['EBADRESP', 'malformed'],
  ['EBADNAME', 'malformed'],
] as const)
