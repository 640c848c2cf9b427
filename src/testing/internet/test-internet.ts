import type { Duration } from '../../core/duration.js'
import type { Network } from '../../core/network.js'
import type { VirtualClock } from '../../core/virtual-clock.js'
import type { DnsZone } from '../../dns/zone/create-dns-zone.js'
import type { MailServer, MailServerListeners, MailServerOptions } from '../../mail-server.js'
import type { ParsedMessage } from '../../message/parsed-message.js'
import type { ScriptedServerOptions } from '../remote/options.js'
import type { ScriptedServer } from '../remote/scripted-server.js'
import type { InternetDns } from './internet-dns.js'
import type { ProviderProfile } from './provider-profile.js'

/** Mail hosts, domains and their DNS in one process: real servers and sockets, of which none is reached from outside. */
export interface TestInternet extends AsyncDisposable {
  /** The time of all hosts. */
  readonly clock: VirtualClock
  /** The names of all hosts. */
  readonly dns: InternetDns
  /** Where chance comes from; `createTestInternet({ seed })` repeats it. */
  readonly seed: number
  /** Draws a number from 0 to below 1. */
  random(): number
  /**
   * The scripted mail server of that name, made and listening on port 25 when it is named first. It has an address and
   * a reverse name, and takes the mail of the domain above its name when that domain has no records yet.
   */
  host(name: string, options?: HostOptions): ScriptedHost
  /** A whole posthorn server for a domain, found by MX, with mailboxes and DNS. @throws MailError as `createMailServer`. */
  server(domain: string, options?: ServerOptions): Promise<InternetServer>
  /** Scripted servers that behave as a large provider publishes it does, for its domains. */
  provider(profile: ProviderProfile, options?: ProviderOptions): ScriptedHost
  /** What every host's certificate is signed by: PEM, for whoever is to trust them. */
  readonly ca: string
  /**
   * Publishes an MTA-STS policy (RFC 8461) for a domain: its TXT record, and a web server on port 443 of
   * `mta-sts.<domain>` that serves the policy. Called again, it publishes the next one.
   */
  mtaSts(domain: string, policy: MtaStsPolicy): Promise<void>
  /** Publishes the key of a host's certificate in DNS, as a TLSA record `3 1 1` (RFC 7672), and has all about the host and `domain` validated. */
  dane(hostname: string, domain?: string): void
  /** Gives software of your own a place on this internet, to be handed to it as options. */
  attach(hostname: string): Place
  /** Cuts a host off; connections to it and from it time out. */
  unplug(hostname: string): void
  /** Ends {@link TestInternet.unplug}. */
  plug(hostname: string): void
  /** Begins a scope: rules, faults and records made from now on are gone when the answer is disposed of. */
  scope(): Disposable
  /** Seed, time, and what every host saw. */
  describe(): string
  /** Does `body`; when it fails, the message of its error ends with the seed. */
  run<T>(body: () => T | Promise<T>): Promise<T>
  /** Ends all servers. */
  close(): Promise<void>
}

/** Options of {@link TestInternet.host}, heeded when the host is named first. */
export interface HostOptions extends Pick<ScriptedServerOptions, 'extensions' | 'script' | 'tls'> {
  /** Its IP addresses. Default: one of IPv4 that nobody else has. */
  addresses?: readonly string[]
  /** Domains whose mail it takes. Default: the one above its name, when that has no records yet. */
  mxFor?: readonly string[]
}

/** A scripted server with its place. */
export interface ScriptedHost extends ScriptedServer {
  /** Its first IP address. */
  readonly address: string
  /** Gives it a certificate nobody should trust; `undefined` gives it a good one. */
  breakCertificate(fault: CertificateFault | undefined): void
}

/** What may be wrong with a certificate: it names another host, ran out, or its issuer is not known. */
export type CertificateFault = 'wrong-name' | 'expired' | 'self-signed'

/** An MTA-STS policy (RFC 8461 §3.2). */
export interface MtaStsPolicy {
  readonly mode: 'enforce' | 'testing' | 'none'
  /** Names of mail exchangers, `*.` allowed. */
  readonly mx: readonly string[]
  /** Seconds it may be kept. Default: a week. */
  readonly maxAge?: number
}

/** Where a host is. */
export interface Place {
  readonly hostname: string
  readonly address: string
  readonly network: Network
  readonly resolver: DnsZone
  readonly clock: VirtualClock
}

/** Options of {@link TestInternet.server}. */
export interface ServerOptions {
  /** Names of users; each has the address of that name and the password `<name>-password`. Default: `postmaster`. */
  users?: readonly string[]
  /** More addresses, and to whom they lead. */
  aliases?: Record<string, string[]>
  /** Default: `mx.<domain>`. */
  hostname?: string
  /** More options of `createMailServer`. */
  server?: Partial<MailServerOptions>
  /** What it opens. Default: SMTP on 25, submission on 587, POP3 on 110; `false` opens nothing before its `up()`. */
  listen?: MailServerListeners | false
}

/** A posthorn server with its place. */
export interface InternetServer extends MailServer {
  readonly domain: string
  readonly address: string
  /** Opens what it is to open. */
  up(): Promise<void>
  /** The messages of a user's INBOX, oldest first. */
  inbox(user: string): Promise<ParsedMessage[]>
}

/** Options of {@link TestInternet.provider}. */
export interface ProviderOptions {
  /** Local parts that have a mailbox; any other is refused. Default: everybody has one. */
  users?: readonly string[]
  /** Limits in the place of the profile's, by the name of the rule, such as `{ 'over-rate': { count: 5, per: '1h' } }`. */
  limits?: Readonly<Record<string, { readonly count: number; readonly per: Duration }>>
}
