import { z } from 'zod'
import { formatAddress, tryParseAddress } from '../../core/address.js'
import { type Clock, systemClock, type Timer } from '../../core/clock.js'
import { describeError } from '../../core/error.js'
import { guardLogger, type Logger, silentLogger } from '../../core/logger.js'
import { type Network, nodeNetwork } from '../../core/network.js'
import { functionSchema, hostnameSchema, lazy, parseOptions, shapeSchema } from '../../core/options.js'
import { newTraceId } from '../../core/trace.js'
import type { Resolver } from '../../dns/resolver.js'
import type { Storage } from '../../storage/storage.js'
import { storageSchema } from '../../storage/storage-schema.js'
import { makeSecureContext } from '../secure-context.js'
import type { TlsResult } from '../tls-policy/host-tls.js'
import { httpsRequest } from '../tls-policy/https-request.js'
import {
  composeTlsReport,
  type TlsReport,
  type TlsReportFacts,
  tlsReportMessage,
} from './compose-tls-report.js'
import { DayCounts, dayOf, oneDay } from './day-counts.js'
import { readReportUris } from './report-uris.js'
import { type DomainTally, removeTally, storedTallies, tellsOfConnections } from './stored-tallies.js'

/** Options of {@link createTlsReports}. */
export interface TlsReportsOptions {
  /** The name of this host: names the sender of reports and their file. */
  hostname: string
  /** Finds where a domain wants its reports. */
  resolver: Resolver
  /** Keeps what was counted until it is sent; processes that share one send one report. As a rule that of the queue. */
  storage: Storage
  /** Sends a report by mail: `mail => queue.send(mail)`. Its mail must be signed by DKIM (RFC 8460 §3). */
  send: (mail: { raw: string; envelope: { sender: string; recipients: string[] } }) => Promise<unknown>
  /** Who sends the reports, for people. Default: the host name. */
  organization?: string | undefined
  /** Address that reports are from, and to write to about them. Default: `postmaster@<hostname>`. */
  contact?: string | undefined
  /** Whether reports are posted to private and loopback addresses too. Default: `false`. */
  allowPrivateAddresses?: boolean
  /** Default: the machine's. */
  clock?: Clock
  /** For reports over HTTPS. Default: the machine's. */
  network?: Network
  /** Default: silent. */
  logger?: Logger
  /** A number from 0 to below 1: when in the first four hours of a day reports leave. Default: `Math.random`. */
  random?: () => number
}

/** Counts how connections were secured, and reports that to the domains that ask for it (RFC 8460). */
export interface TlsReports {
  /** Counts one result; the `onTls` of `createMxTransport`. */
  readonly record: (result: TlsResult) => void
  /** Sends nothing more; resolves when what was counted is stored. Never rejects. */
  close(): Promise<void>
}

const schema = lazy(() =>
  z.strictObject({
    hostname: hostnameSchema(),
    resolver: shapeSchema<Resolver>('a resolver', ['txt', 'addresses']),
    storage: storageSchema(),
    send: functionSchema<TlsReportsOptions['send']>('a function'),
    organization: z
      .string()
      .regex(/^[^\u0000-\u001f\u007f]+$/)
      .optional(),
    contact: z
      .string()
      .refine(text => tryParseAddress(text) !== undefined, {
        error: "expected 'tls@example.test' or the like",
      })
      .optional(),
    allowPrivateAddresses: z.boolean().default(false),
    clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(
      () => systemClock,
    ),
    network: shapeSchema<Network>('a network', ['connect']).default(() => nodeNetwork),
    logger: shapeSchema<Logger>('a logger', ['debug', 'info', 'warn', 'error']).default(() => silentLogger),
    random: functionSchema<() => number>('a function').default(() => Math.random),
  }),
)

/** By then every process has stored what it counted the day before. */
const afterMidnight = 5 * 60_000
/** Reports leave spread over this long after midnight, lest all senders come at once (RFC 8460 §4.1). */
const spread = 4 * 3_600_000
/** For how long nobody else sends reports when the process that does so dies. */
const turn = 3_600_000
const lockName = 'tls-reports'
const httpsBounds = { limit: 65_536, timeout: 60_000 }

/**
 * Creates what makes TLS reports. Days are those of UTC. A process that dies loses what it counted in its last minute;
 * everything else is sent by the next one, or by another on the same storage.
 * @throws MailError `OPTION_INVALID`.
 */
export function createTlsReports(options: TlsReportsOptions): TlsReports {
  const settings = parseOptions('createTlsReports', schema(), options)
  const reports = new Reports({ ...settings, logger: guardLogger(settings.logger) })
  return { record: result => reports.record(result), close: () => reports.close() }
}

class Reports {
  readonly #settings: z.output<ReturnType<typeof schema>>
  readonly #submitter: string
  readonly #contact: string
  readonly #counts: DayCounts
  /** Takes turns with other processes. */
  readonly #owner = newTraceId()
  #timer: Timer | undefined
  /** Looks of today after which something was left. */
  #failures = 0
  #closed = false

  constructor(settings: z.output<ReturnType<typeof schema>>) {
    this.#settings = settings
    this.#submitter = settings.hostname
    const contact = settings.contact === undefined ? undefined : tryParseAddress(settings.contact)
    this.#contact = contact ? formatAddress(contact) : `postmaster@${this.#submitter}`
    this.#counts = new DayCounts({ ...settings, records: settings.storage.records })
    this.#lookOn(dayOf(settings.clock.now()))
  }

  record(result: TlsResult): void {
    if (!this.#closed) this.#counts.add(result)
  }

  close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    return this.#counts.store()
  }

  /** The reports of a day leave in the first hours of the next; what is late then, at once. */
  #lookOn(day: number): void {
    const { clock, random } = this.#settings
    this.#failures = 0
    this.#lookIn(Math.max(60_000, day + afterMidnight + random() * spread - clock.now()))
  }

  /** Once more today, or else in the hours of the next day's reports. */
  #lookAgain(delay: number): void {
    const now = this.#settings.clock.now()
    const tomorrow = dayOf(now) + oneDay
    if (now + delay < tomorrow) this.#lookIn(delay)
    else this.#lookOn(tomorrow)
  }

  #lookIn(delay: number): void {
    const { clock } = this.#settings
    if (!this.#closed) this.#timer = clock.schedule(delay, () => void clock.track(this.#look()))
  }

  async #look(): Promise<void> {
    const { clock, logger } = this.#settings
    const today = dayOf(clock.now())
    const state = await this.#sendBefore(today).catch(error => {
      logger.warn({ error: describeError(error) }, 'TLS reports were not sent')
      return 'failed' as const
    })
    if (state === 'done') this.#lookOn(today + oneDay)
    else if (state === 'busy') this.#lookAgain(turn)
    // RFC 8460 §5.5: for a day, at growing intervals.
    else this.#lookAgain(turn * 2 ** this.#failures++)
  }

  /** Sends what is stored of the days before today: all of it, or not all, or another process is at it. */
  async #sendBefore(today: number): Promise<'done' | 'failed' | 'busy'> {
    const { storage } = this.#settings
    if (!(await this.#takeTurn())) return 'busy'
    let state: 'done' | 'failed' = 'done'
    for await (const tally of storedTallies(storage.records, today)) {
      if (!(await this.#takeTurn())) return 'busy'
      const isLastTry = tally.day <= today - 2 * oneDay
      if ((await this.#trySend(tally)) || isLastTry) await removeTally(storage.records, tally)
      else state = 'failed'
      if (this.#closed) break
    }
    await storage.locks.release(lockName, this.#owner)
    return state
  }

  #takeTurn(): Promise<boolean> {
    const { storage, clock } = this.#settings
    return storage.locks.acquire(lockName, this.#owner, clock.now(), clock.now() + turn)
  }

  /** Whether a report is sent, or not wanted; else it is tried again, the last time on the next day. */
  async #trySend({ domain, policies, day }: DomainTally): Promise<boolean> {
    const [start, end] = [day, day + oneDay - 1000]
    const [submitter, contact] = [this.#submitter, this.#contact]
    const organization = this.#settings.organization ?? submitter
    try {
      return await this.#sendOne({ domain, policies, start, end, organization, contact, submitter })
    } catch (error) {
      this.#settings.logger.warn({ domain, error: describeError(error) }, 'a TLS report was not sent')
      return false
    }
  }

  async #sendOne(facts: TlsReportFacts): Promise<boolean> {
    if (!facts.policies.some(tellsOfConnections)) return true
    const answer = await this.#settings.resolver.txt(`_smtp._tls.${facts.domain}`)
    if (answer.status === 'temporary-failure') throw new Error(`where to is not known: ${answer.detail}`)
    const uris = answer.status === 'found' ? readReportUris(answer.records) : []
    if (uris.length === 0) return true
    const report = composeTlsReport(facts)
    let taken = false
    for (const uri of uris) {
      const sending = uri.kind === 'mail' ? this.#mail(uri.to, report, facts) : this.#post(uri.url, report)
      await sending.then(
        () => {
          taken = true
        },
        error => {
          const fields = { domain: facts.domain, error: describeError(error) }
          this.#settings.logger.warn(fields, 'a TLS report was not sent')
        },
      )
    }
    return taken
  }

  async #mail(to: string, report: TlsReport, facts: TlsReportFacts): Promise<void> {
    const from = this.#contact
    const raw = tlsReportMessage(report, facts, { from, to, now: this.#settings.clock.now() })
    await this.#settings.send({ raw, envelope: { sender: from, recipients: [to] } })
  }

  /** RFC 8460 §3: what is reported may be the very certificate, so an untrusted one is taken. */
  async #post(url: URL, report: TlsReport): Promise<void> {
    const place = { host: url.hostname, port: Number(url.port || 443), path: url.pathname + url.search }
    const content = { body: report.gzip, headers: { 'content-type': 'application/tlsrpt+gzip' } }
    const secureContext = makeSecureContext('createTlsReports', { minVersion: 'TLSv1.2' })
    const request = { ...place, ...content, ...httpsBounds, method: 'POST', verify: false } as const
    const { status } = await httpsRequest(request, { ...this.#settings, secureContext })
    if (status > 299) throw new Error(`${place.host} answered ${status}`)
  }
}
