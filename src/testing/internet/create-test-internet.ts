import type { Network } from '../../core/network.js'
import { parseOptions } from '../../core/options.js'
import { createSimulatedNetwork } from '../../core/simulated-network.js'
import { SeededRandom } from '../conformance/seeded-random.js'
import { createScriptedServer } from '../remote/create-scripted-server.js'
import { behaveLike } from './behave-like.js'
import { Certificates } from './certificates.js'
import { createInternetDns } from './internet-dns.js'
import { createInternetServer } from './internet-server.js'
import { type TestInternetOptions, type TestInternetSettings, testInternetSchema } from './options.js'
import { PolicyServer } from './policy-server.js'
import type { ProviderProfile } from './provider-profile.js'
import type {
  CertificateFault,
  HostOptions,
  InternetServer,
  MtaStsPolicy,
  Place,
  ProviderOptions,
  ScriptedHost,
  ServerOptions,
  TestInternet,
} from './test-internet.js'

/**
 * Creates an internet of mail in this process: hosts, domains and their DNS, real posthorn servers and scripted ones.
 * Every host has port 25; no packet leaves loopback. The virtual clock moves all of them.
 * @throws MailError `OPTION_INVALID`.
 */
export function createTestInternet(options: TestInternetOptions = {}): TestInternet {
  return new SmallInternet(parseOptions('createTestInternet', testInternetSchema(), options))
}

class SmallInternet implements TestInternet {
  readonly clock: TestInternet['clock']
  readonly seed: number
  readonly dns: TestInternet['dns']
  readonly #network = createSimulatedNetwork()
  readonly #random: SeededRandom
  readonly #hosts = new Map<string, ScriptedHost>()
  readonly #servers: InternetServer[] = []
  readonly #certificates = new Certificates()
  readonly #policies = new Map<string, PolicyServer>()
  #policiesPublished = 0
  readonly #addresses = new Map<string, readonly string[]>()
  readonly #opening = new Set<Promise<unknown>>()
  #unplugged = new Set<string>()

  constructor({ clock, seed, onTestFailed }: TestInternetSettings) {
    this.clock = clock
    this.dns = createInternetDns(clock)
    this.seed = seed
    this.#random = new SeededRandom(seed)
    onTestFailed?.(() => process.stderr.write(`${this.describe()}\n`))
  }

  get ca(): string {
    return this.#certificates.ca
  }

  random(): number {
    return this.#random.next()
  }

  host(name: string, options: HostOptions = {}): ScriptedHost {
    const key = name.toLowerCase()
    const known = this.#hosts.get(key)
    if (known) return known
    const { addresses, mxFor, ...rest } = options
    const place = this.#settle(key, addresses)
    this.#becomeExchanger(key, mxFor)
    const server = createScriptedServer({
      hostname: key,
      network: place.network,
      clock: this.clock,
      random: () => this.random(),
      tls: this.#certificates.of(key),
      ...rest,
    })
    const breakCertificate = (fault: CertificateFault | undefined) =>
      server.useTls(fault ? this.#certificates.faulty(key, fault) : this.#certificates.of(key))
    const host = Object.assign(server, { address: place.address, breakCertificate })
    this.#hosts.set(key, host)
    this.#track(server.listen({ host: '0.0.0.0', port: 25 }))
    return host
  }

  async server(domain: string, options: ServerOptions = {}): Promise<InternetServer> {
    const place = this.attach(options.hostname ?? `mx.${domain}`)
    this.#becomeExchanger(place.hostname, [domain])
    const tls = this.#certificates.of(place.hostname)
    const server = createInternetServer(domain, place, {
      random: () => this.random(),
      tls,
      ca: this.ca,
      ...options,
    })
    this.#servers.push(server)
    if (options.listen !== false) await server.up()
    return server
  }

  provider(profile: ProviderProfile, options: ProviderOptions = {}): ScriptedHost {
    const [first = profile.name, ...others] = profile.exchangers
    const host = this.host(first, { extensions: profile.extensions, mxFor: [] })
    for (const domain of profile.domains) {
      this.dns.set(domain, { mx: profile.exchangers.map((name, index) => `${(index + 1) * 5} ${name}`) })
    }
    // Its exchangers are doors of one house: what it limits, it limits for all of them.
    for (const name of others) this.dns.set(name, { a: host.address })
    behaveLike(host, profile, options, this.dns.resolver)
    return host
  }

  async mtaSts(domain: string, policy: MtaStsPolicy): Promise<void> {
    const name = `mta-sts.${domain.toLowerCase()}`
    const server = this.#policies.get(name) ?? new PolicyServer()
    server.publish(policy)
    if (!this.#policies.has(name)) {
      this.#policies.set(name, server)
      await server.open(this.attach(name), this.#certificates.of(name))
    }
    this.dns.set(`_mta-sts.${domain}`, { txt: `v=STSv1; id=${++this.#policiesPublished};` })
  }

  dane(hostname: string, domain = hostname.slice(hostname.indexOf('.') + 1)): void {
    const name = hostname.toLowerCase()
    this.dns.set(`_25._tcp.${name}`, { tlsa: this.#certificates.tlsa(name), secure: true })
    for (const validated of [name, domain]) this.dns.set(validated, { secure: true })
  }

  attach(hostname: string): Place {
    return this.#settle(hostname.toLowerCase())
  }

  unplug(hostname: string): void {
    this.#setUnplugged(new Set([...this.#unplugged, ...this.#addressesOf(hostname)]))
  }

  plug(hostname: string): void {
    const back = this.#addressesOf(hostname)
    this.#setUnplugged(new Set([...this.#unplugged].filter(address => !back.includes(address))))
  }

  scope(): Disposable {
    const restoreDns = this.dns.snapshot()
    const restoreHosts = new Map([...this.#hosts.values()].map(host => [host, host.snapshot()]))
    const unplugged = new Set(this.#unplugged)
    return {
      [Symbol.dispose]: () => {
        restoreDns()
        this.#setUnplugged(unplugged)
        for (const host of this.#hosts.values()) (restoreHosts.get(host) ?? (() => host.reset()))()
      },
    }
  }

  describe(): string {
    const lines = [...this.#hosts.values()].map(({ hostname, address, connections, messages }) => {
      const last = connections.at(-1)?.commands.slice(-6).join(' | ') ?? ''
      return `  ${hostname} (${address}): ${connections.length} connections, ${messages.length} messages; last heard: ${last}`
    })
    const time = new Date(this.clock.now()).toISOString()
    return [`the test internet of seed ${this.seed}, at ${time}`, ...lines].join('\n')
  }

  async run<T>(body: () => T | Promise<T>): Promise<T> {
    try {
      return await body()
    } catch (error) {
      if (error instanceof Error) error.message += `\n${this.describe()}`
      throw error
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#opening)
    await Promise.all(this.#servers.map(server => server.close({ grace: 0 })))
    await Promise.all([...this.#hosts.values(), ...this.#policies.values()].map(server => server.close()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Gives a host its place, the same each time. */
  #settle(hostname: string, given?: readonly string[]): Place {
    const addresses = this.#addresses.get(hostname) ?? given ?? [this.#newAddress()]
    if (!this.#addresses.has(hostname)) this.#name(hostname, addresses)
    return {
      hostname,
      address: addresses[0] ?? '',
      network: this.#networkOf(addresses),
      resolver: this.dns.resolver,
      clock: this.clock,
    }
  }

  #name(hostname: string, addresses: readonly string[]): void {
    this.#addresses.set(hostname, addresses)
    const a = addresses.filter(address => !address.includes(':'))
    const aaaa = addresses.filter(address => address.includes(':'))
    this.dns.set(hostname, { ...(a.length > 0 && { a }), ...(aaaa.length > 0 && { aaaa }) })
    for (const address of addresses) this.dns.set(address, { ptr: hostname })
  }

  /** From 192.0.2.1 on (RFC 5737): inside this process nobody else has them. */
  #newAddress(): string {
    const number = 2 * 256 + 1 + this.#addresses.size
    return `192.0.${number >> 8}.${number & 255}`
  }

  #addressesOf(hostname: string): readonly string[] {
    return this.#addresses.get(hostname.toLowerCase()) ?? []
  }

  #becomeExchanger(hostname: string, domains?: readonly string[]): void {
    const above = hostname.slice(hostname.indexOf('.') + 1)
    const isFree = above.includes('.') && this.dns.get(above) === undefined
    for (const domain of domains ?? (isFree ? [above] : [])) {
      this.dns.set(domain, { mx: `10 ${hostname}` })
    }
  }

  /** Who connects waits until what was begun before listens. */
  #networkOf(addresses: readonly string[]): Network {
    const network = this.#network.host(...addresses)
    return {
      ...network,
      connect: async options => {
        await Promise.all(this.#opening)
        return network.connect(options)
      },
    }
  }

  #track(opening: Promise<unknown>): void {
    const settled = this.clock.track(opening).finally(() => this.#opening.delete(settled))
    this.#opening.add(settled)
    settled.catch(() => {})
  }

  #setUnplugged(addresses: Set<string>): void {
    for (const address of this.#unplugged) this.#network.plug(address)
    for (const address of addresses) this.#network.unplug(address)
    this.#unplugged = addresses
  }
}
