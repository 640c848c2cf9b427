import type { Clock } from '../../core/clock.js'
import type { QuestionType } from '../../dns/record.js'
import type { DnsFailure } from '../../dns/resolver.js'
import { createDnsZone, type DnsZone } from '../../dns/zone/create-dns-zone.js'
import type { ZoneEntry } from '../../dns/zone/zone-entry.js'

/**
 * What may be wrong with a name: `nxdomain` denies it, anything else is a temporary failure. All come at once but `timeout`:
 * nobody answers, and the lookup ends after 6 seconds of the virtual clock, as that of `createDnsResolver` does.
 */
export type DnsFault = 'nxdomain' | DnsFailure['reason']

/** The names of an internet in memory. */
export interface InternetDns {
  /** Looks names up, as every host of the internet does. */
  readonly resolver: DnsZone
  /**
   * Adds records to those of `name`, in the place of those of the same type.
   * @param name - a domain name, or an IP address for its `ptr`
   * @throws MailError `OPTION_INVALID`, `DOMAIN_INVALID`.
   */
  set(name: string, records: ZoneEntry): void
  /** The records of `name` as they were set. */
  get(name: string): ZoneEntry | undefined
  /** Takes all records of `name` away. */
  remove(name: string): void
  /**
   * Breaks the lookups of `name`, until the answer is disposed of or {@link InternetDns.recover} is called.
   * @param type - breaks questions of this type only; `nxdomain` is for all of them
   */
  fail(name: string, fault: DnsFault, type?: QuestionType): Disposable
  /** Ends what {@link InternetDns.fail} began, for one name or all. */
  recover(name?: string): void
  /** Remembers records and faults; the answer brings them back. */
  snapshot(): () => void
}

interface Fault {
  readonly name: string
  readonly fault: DnsFault
  readonly type: QuestionType | undefined
}

/** Creates the names of an internet: none. */
export function createInternetDns(clock: Clock): InternetDns {
  return new MemoryDns(clock)
}

class MemoryDns implements InternetDns {
  readonly resolver: DnsZone
  #entries = new Map<string, ZoneEntry>()
  #faults: Fault[] = []

  constructor(clock: Clock) {
    this.resolver = createDnsZone({}, { silence: { clock } })
  }

  set(name: string, records: ZoneEntry): void {
    const key = name.toLowerCase()
    const entry = { ...this.#entries.get(key), ...records }
    // The zone refuses what is wrong before anything is kept.
    this.resolver.set(key, entry)
    this.#entries.set(key, entry)
    this.#apply(key)
  }

  get(name: string): ZoneEntry | undefined {
    return this.#entries.get(name.toLowerCase())
  }

  remove(name: string): void {
    this.#entries.delete(name.toLowerCase())
    this.resolver.remove(name)
  }

  fail(name: string, fault: DnsFault, type?: QuestionType): Disposable {
    const entry: Fault = { name: name.toLowerCase(), fault, type }
    this.#faults.push(entry)
    this.#apply(entry.name)
    return {
      [Symbol.dispose]: () => {
        this.#faults = this.#faults.filter(one => one !== entry)
        this.#apply(entry.name)
      },
    }
  }

  recover(name?: string): void {
    const key = name?.toLowerCase()
    const over = this.#faults.filter(fault => key === undefined || fault.name === key)
    this.#faults = this.#faults.filter(fault => !over.includes(fault))
    for (const { name } of over) this.#apply(name)
  }

  snapshot(): () => void {
    const entries = new Map(this.#entries)
    const faults = [...this.#faults]
    return () => {
      const names = new Set([...this.#names(), ...entries.keys(), ...faults.map(fault => fault.name)])
      this.#entries = new Map(entries)
      this.#faults = [...faults]
      for (const name of names) this.#apply(name)
    }
  }

  #names(): string[] {
    return [...this.#entries.keys(), ...this.#faults.map(fault => fault.name)]
  }

  /** Brings the zone in line with what is known of a name. */
  #apply(name: string): void {
    const entry = this.#entries.get(name)
    const faults = this.#faults.filter(fault => fault.name === name)
    if (entry && !faults.some(({ fault }) => fault === 'nxdomain')) this.resolver.set(name, entry)
    else this.resolver.remove(name)
    this.resolver.recover(name)
    for (const { fault, type } of faults) if (fault !== 'nxdomain') this.resolver.fail(name, fault, type)
  }
}
