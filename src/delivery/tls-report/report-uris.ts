import { formatAddress, tryParseAddress } from '../../core/address.js'
import { tryNormalizeDomain } from '../../core/domain.js'

/** Where a domain wants its reports. */
export type ReportUri =
  | { readonly kind: 'mail'; readonly to: string }
  | { readonly kind: 'https'; readonly url: URL }

/** A domain must not make others send it reports without end. */
const mostUris = 4

/** Reads the one `_smtp._tls` record (RFC 8460 §3). What is no address or URL is left out. */
export function readReportUris(records: readonly string[]): ReportUri[] {
  const [record, second] = records.filter(one => /^v=TLSRPTv1[ \t]*;/.test(one))
  if (record === undefined || second !== undefined) return []
  const lists = [...record.matchAll(/;[ \t]*rua[ \t]*=([^;]*)/g)].map(([, list = '']) => list.split(','))
  const uris = lists.flat().map(uri => readUri(uri.trim()))
  return uris.filter(uri => uri !== undefined).slice(0, mostUris)
}

function readUri(text: string): ReportUri | undefined {
  try {
    const mail = /^mailto:([^?]+)/i.exec(text)?.[1]
    if (mail !== undefined) {
      const address = tryParseAddress(decodeURIComponent(mail))
      return address && { kind: 'mail', to: formatAddress(address) }
    }
    const url = new URL(text)
    const isUsable = url.protocol === 'https:' && tryNormalizeDomain(url.hostname) !== undefined
    return isUsable ? { kind: 'https', url } : undefined
  } catch {
    return undefined
  }
}
