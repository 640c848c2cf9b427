import { z } from 'zod'
import { formatAddress, tryParseAddress } from '../../core/address.js'
import { type Clock, systemClock, type Timer } from '../../core/clock.js'
import { tryNormalizeDomain } from '../../core/domain.js'
import { describeError } from '../../core/error.js'
import { guardLogger, type Logger, silentLogger } from '../../core/logger.js'
import { type Network, nodeNetwork } from '../../core/network.js'
import { functionSchema, lazy, parseOptions, shapeSchema } from '../../core/options.js'
import type { Resolver } from '../../dns/resolver.js'
import { makeSecureContext } from '../secure-context.js'
import type { TlsResult } from '../tls-policy/host-tls.js'
import { httpsRequest } from '../tls-policy/https-request.js'
import {
  composeTlsReport,
  type TlsReport,
  type TlsReportFacts,
  tlsReportMessage,
} from './compose-tls-report.js'
import { readReportUris } from './report-uris.js'
import { TlsTally } from './tls-tally.js'

/** Options of {@link createTlsReports}. */
export interface TlsReportsOptions {
  /** The name of this host: names the sender of reports and their file. */
  hostname: string
  /** Finds where a domain wants its reports. */
  resolver: Resolver
  /** Sends a report by mail: `mail => queue.send(mail)`. */
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
  /** Sends nothing more. What was counted is forgotten. */
  close(): void
}

const schema = lazy(() =>
  z.strictObject({
    hostname: z.string().refine(name => tryNormalizeDomain(name) !== undefined, { error: 'expected a name' }),
    resolver: shapeSchema<Resolver>('a resolver', ['txt', 'addresses']),
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

const day = 86_400_000
/** Reports leave spread over this long after midnight, lest all senders come at once (RFC 8460 §4.1). */
const spread = 4 * 3_600_000
const httpsBounds = { limit: 65_536, timeout: 60_000 }

/**
 * Creates what makes TLS reports. Days are those of UTC; what is counted lives in memory until it is sent.
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
  #day = 0
  #tally: TlsTally | undefined
  readonly #timers = new Set<Timer>()
  #closed = false

  constructor(settings: z.output<ReturnType<typeof schema>>) {
    this.#settings = settings
    this.#submitter = tryNormalizeDomain(settings.hostname) ?? settings.hostname
    const contact = settings.contact === undefined ? undefined : tryParseAddress(settings.contact)
    this.#contact = contact ? formatAddress(contact) : `postmaster@${this.#submitter}`
  }

  record(result: TlsResult): void {
    if (this.#closed) return
    const today = Math.floor(this.#settings.clock.now() / day) * day
    if (!this.#tally || this.#day !== today) this.#begin(today)
    this.#tally?.add(result)
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#timers) timer.cancel()
  }

  /** A day's reports leave in the first hours of the next. */
  #begin(today: number): void {
    const { clock, random } = this.#settings
    const tally = new TlsTally()
    this.#tally = tally
    this.#day = today
    const timer = clock.schedule(today + day - clock.now() + random() * spread, () => {
      this.#timers.delete(timer)
      void clock.track(this.#sendAll(today, tally))
    })
    this.#timers.add(timer)
  }

  async #sendAll(start: number, tally: TlsTally): Promise<void> {
    for (const [domain, policies] of tally) {
      if (this.#closed) return
      try {
        await this.#sendOne({
          domain,
          policies,
          start,
          end: start + day - 1000,
          organization: this.#settings.organization ?? this.#submitter,
          contact: this.#contact,
          submitter: this.#submitter,
        })
      } catch (error) {
        this.#settings.logger.warn({ domain, error: describeError(error) }, 'a TLS report was not sent')
      }
    }
  }

  async #sendOne(facts: TlsReportFacts): Promise<void> {
    const answer = await this.#settings.resolver.txt(`_smtp._tls.${facts.domain}`)
    const uris = answer.status === 'found' ? readReportUris(answer.records) : []
    if (uris.length === 0) return
    const report = composeTlsReport(facts)
    for (const uri of uris) {
      const sending = uri.kind === 'mail' ? this.#mail(uri.to, report, facts) : this.#post(uri.url, report)
      await sending.catch(error => {
        const fields = { domain: facts.domain, error: describeError(error) }
        this.#settings.logger.warn(fields, 'a TLS report was not sent')
      })
    }
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
    if (status < 200 || status > 299) throw new Error(`${place.host} answered ${status}`)
  }
}
