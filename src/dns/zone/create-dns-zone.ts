import { sleep } from '../../core/clock.js'
import { MailError } from '../../core/error.js'
import { parseOptions } from '../../core/options.js'
import type { Authority, AuthorityAnswer } from '../authority.js'
import { dnsName, reverseName } from '../dns-name.js'
import type { QuestionType, RecordData, RecordType, ResourceRecord } from '../record.js'
import { RecordResolver } from '../record-resolver.js'
import type { DnsAnswer, DnsFailure, RevisedResolver } from '../resolver.js'
import { type DnsZoneOptions, type DnsZoneSettings, zoneOptionsSchema } from './options.js'
import { type ZoneEntry, type ZoneEntryData, zoneEntrySchema } from './zone-entry.js'

/**
 * Records in memory: a resolver for tests and for hosts whose peers are known, and what `createDnsServer` answers
 * from. It can be changed at any time; the next lookup sees it. It stays usable after `close()`.
 */
export interface DnsZone extends RevisedResolver, Authority {
  /**
   * Puts `entry` in the place of all records of `name`.
   * @param name - a domain name; or an IP address, for its `ptr`
   * @throws MailError `OPTION_INVALID`, `DOMAIN_INVALID`.
   */
  set(name: string, entry: ZoneEntry): void
  /** Takes all records of `name` away. */
  remove(name: string): void
  /**
   * Makes lookups of `name` end in a temporary failure until {@link DnsZone.recover}: at once in memory, but for
   * `timeout` with the option `silence`; a DNS server on the zone answers SERVFAIL or REFUSED, sends a broken packet, or is silent, as `reason` says.
   * @param type - fails questions of this type only
   */
  fail(name: string, reason: DnsFailure['reason'], type?: QuestionType): void
  /** Ends what {@link DnsZone.fail} began, for `name` or for all names. */
  recover(name?: string): void
}

/** Aliases followed before a chain counts as a loop. */
const longestChain = 8

/**
 * Creates a zone of records in memory.
 * @param records - by name: `{ 'rome.test': { mx: 'mx.rome.test' }, 'mx.rome.test': { a: '192.0.2.1' } }`
 * @throws MailError `OPTION_INVALID`, `DOMAIN_INVALID`.
 */
export function createDnsZone(
  records: Readonly<Record<string, ZoneEntry>> = {},
  options: DnsZoneOptions = {},
): DnsZone {
  const zone = new MemoryZone(parseOptions('createDnsZone', zoneOptionsSchema(), options))
  for (const [name, entry] of Object.entries(records)) zone.set(name, entry)
  return zone
}

class MemoryZone extends RecordResolver implements DnsZone {
  readonly #entries = new Map<string, ZoneEntryData>()
  /** How many names there are at and below a name: one without records exists if there are some below (RFC 8020). */
  readonly #population = new Map<string, number>()
  readonly #failures = new Map<string, DnsFailure['reason']>()
  readonly #options: DnsZoneSettings
  #revision = 0

  constructor(options: DnsZoneSettings) {
    super()
    this.#options = options
  }

  get revision(): number {
    return this.#revision
  }

  set(name: string, entry: ZoneEntry): void {
    const key = zoneName(name)
    const data = parseOptions(`zone entry of ${key}`, zoneEntrySchema(), entry)
    this.#revision++
    if (!this.#entries.has(key)) this.#count(key, 1)
    this.#entries.set(key, data)
  }

  remove(name: string): void {
    const key = zoneName(name)
    this.#revision++
    if (this.#entries.delete(key)) this.#count(key, -1)
  }

  fail(name: string, reason: DnsFailure['reason'], type?: QuestionType): void {
    this.#failures.set(failureKey(zoneName(name), type), reason)
    this.#revision++
  }

  recover(name?: string): void {
    const key = name === undefined ? undefined : zoneName(name)
    this.#revision++
    for (const failing of this.#failures.keys()) {
      if (key === undefined || failing.split(' ')[0] === key) this.#failures.delete(failing)
    }
  }

  query(name: string, type: string): AuthorityAnswer {
    const aliases: ResourceRecord<'CNAME'>[] = []
    let secure = true
    for (let owner = name; ; ) {
      const reason = this.#failures.get(failureKey(owner)) ?? this.#failures.get(failureKey(owner, type))
      if (reason !== undefined) return failed(reason, owner)
      const entry = this.#entries.get(owner)
      secure &&= entry?.secure ?? this.#options.secure
      const records = this.#records(owner, entry, type)
      if (records.length > 0) return { status: 'found', aliases, records, secure }
      const [alias] = this.#records(owner, entry, 'CNAME')
      if (alias?.type !== 'CNAME') return this.#absent(owner, aliases, secure)
      if (aliases.push(alias) > longestChain) return failed('loop', name)
      owner = alias.data
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  protected async ask<Type extends QuestionType>(
    name: string,
    type: Type,
    signal: AbortSignal | undefined,
  ): Promise<DnsAnswer<RecordData[Type]>> {
    const answer = this.query(name, type)
    if (answer.status === 'temporary-failure') {
      const { silence } = this.#options
      if (silence && answer.reason === 'timeout') await sleep(silence.clock, silence.lasts, signal)
      return answer
    }
    const { status, secure } = answer
    if (status === 'not-found') return { status, reason: answer.reason, ttl: answer.ttl, secure }
    const ttl = Math.min(...[...answer.aliases, ...answer.records].map(record => record.ttl))
    const [{ name: owner } = { name }] = answer.records
    const records = answer.records.map(record => record.data as RecordData[Type])
    return { status, records, ttl, secure, ...(owner !== name && { canonical: owner }) }
  }

  #records(name: string, entry: ZoneEntryData | undefined, type: string): ResourceRecord[] {
    const list = entry?.data.get(type as RecordType) ?? []
    const ttl = entry?.ttl ?? this.#options.ttl
    return list.map(data => ({ name, type, ttl, data }) as ResourceRecord)
  }

  #absent(name: string, aliases: readonly ResourceRecord<'CNAME'>[], secure: boolean): AuthorityAnswer {
    const reason = this.#population.has(name) ? 'nodata' : 'nxdomain'
    return { status: 'not-found', reason, ttl: this.#options.negativeTtl, secure, aliases }
  }

  #count(name: string, change: 1 | -1): void {
    for (let at = 0; at >= 0; at = name.indexOf('.', at) + 1 || -1) {
      const ancestor = name.slice(at)
      const count = (this.#population.get(ancestor) ?? 0) + change
      if (count > 0) this.#population.set(ancestor, count)
      else this.#population.delete(ancestor)
    }
  }
}

function zoneName(name: string): string {
  const key = reverseName(name) ?? dnsName(name)
  if (key !== undefined) return key
  throw new MailError(
    'DOMAIN_INVALID',
    `zone: got ${JSON.stringify(name)}, expected a name such as 'mx.rome.test' or an IP address`,
  )
}

function failureKey(name: string, type = ''): string {
  return `${name} ${type}`
}

function failed(reason: DnsFailure['reason'], name: string): DnsFailure {
  return { status: 'temporary-failure', reason, detail: `the zone fails ${name}: ${reason}` }
}
