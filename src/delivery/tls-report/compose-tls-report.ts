import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { formatDate } from '../../message/date.js'
import type { PolicyTally } from './stored-tallies.js'

/** What a report is about. Names are clean: domains in A-labels, addresses in wire form. */
export interface TlsReportFacts {
  readonly domain: string
  readonly policies: readonly PolicyTally[]
  /** The day, in epoch milliseconds: from its first to its last second (UTC). */
  readonly start: number
  readonly end: number
  /** Who sends it. */
  readonly organization: string
  readonly contact: string
  /** Domain of who sends it. */
  readonly submitter: string
}

/** A report, composed. */
export interface TlsReport {
  readonly id: string
  readonly fileName: string
  /** The JSON of RFC 8460 §4.4, compressed. */
  readonly gzip: Buffer
}

/** Composes a report (RFC 8460 §4.4, §5.1). */
export function composeTlsReport(facts: TlsReportFacts): TlsReport {
  const { domain, policies, start, end, organization, contact, submitter } = facts
  // A msg-id of RFC 5322 for the subject, and the same for the same day.
  const id = `${instant(start).slice(0, 10)}.${domain}@${submitter}`
  const report = {
    'organization-name': organization,
    'date-range': { 'start-datetime': instant(start), 'end-datetime': instant(end) },
    'contact-info': contact,
    'report-id': id,
    policies: policies.map(tally => policyOf(domain, tally)),
  }
  const seconds = [start, end].map(at => Math.floor(at / 1000)).join('!')
  return {
    id,
    fileName: `${submitter}!${domain}!${seconds}.json.gz`,
    gzip: gzipSync(JSON.stringify(report)),
  }
}

function policyOf(domain: string, { policy, successes, failures, details }: PolicyTally) {
  return {
    policy: {
      'policy-type': policy.type,
      ...(policy.strings.length > 0 && { 'policy-string': policy.strings }),
      'policy-domain': policy.domain ?? domain,
      ...(policy.mxHosts.length > 0 && { 'mx-host': policy.mxHosts }),
    },
    summary: { 'total-successful-session-count': successes, 'total-failure-session-count': failures },
    ...(details.length > 0 && { 'failure-details': details }),
  }
}

/** RFC 3339 without fractions of a second. */
function instant(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** Who a report by mail is from and for. */
export interface ReportEnvelope {
  readonly from: string
  readonly to: string
  readonly now: number
}

/**
 * The message that carries a report (RFC 8460 §5.3). It asks to go without TLS where that fails (RFC 8689 §3), as it may
 * be about that very failure.
 */
export function tlsReportMessage(report: TlsReport, facts: TlsReportFacts, envelope: ReportEnvelope): string {
  const { domain, submitter } = facts
  const unique = createHash('sha256').update(`${report.id} ${envelope.to}`).digest('hex').slice(0, 32)
  const boundary = `=_${unique}`
  return [
    `From: ${envelope.from}`,
    `To: ${envelope.to}`,
    `Subject: Report Domain: ${domain}`,
    ` Submitter: ${submitter}`,
    ` Report-ID: <${report.id}>`,
    `Date: ${formatDate(envelope.now)}`,
    `Message-ID: <${unique}@${submitter}>`,
    'MIME-Version: 1.0',
    `TLS-Report-Domain: ${domain}`,
    `TLS-Report-Submitter: ${submitter}`,
    'TLS-Required: No',
    'Auto-Submitted: auto-generated',
    `Content-Type: multipart/report; report-type="tlsrpt"; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=us-ascii',
    '',
    `This is an aggregate TLS report (RFC 8460) for ${domain} from ${submitter}.`,
    '',
    `--${boundary}`,
    'Content-Type: application/tlsrpt+gzip',
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment; filename="${report.fileName}"`,
    '',
    ...(report.gzip.toString('base64').match(/.{1,76}/g) ?? []),
    `--${boundary}--`,
    '',
  ].join('\r\n')
}
