import { createHash } from 'node:crypto'
import { literalAddress, tryNormalizeDomain } from '../core/domain.js'
import { MailError } from '../core/error.js'
import type { Resolver } from '../dns/resolver.js'

const longestName = 255

/**
 * Names the site of a destination: its mail exchangers, sorted, whatever their preferences, as KumoMTA groups domains.
 * A domain without a usable MX record is a site of its own.
 * @throws MailError `LOOKUP_FAILED` when DNS fails for now.
 */
export async function mxSite(destination: string, resolver: Resolver, signal: AbortSignal): Promise<string> {
  if (literalAddress(destination) !== undefined) return destination
  const answer = await resolver.mx(destination, { signal })
  if (answer.status === 'temporary-failure') {
    throw new MailError('LOOKUP_FAILED', `the MX records of ${destination}: ${answer.reason}`, {
      temporary: true,
    })
  }
  if (answer.status !== 'found') return destination
  // The empty name of a null MX is none.
  const names = answer.records
    .map(({ exchange }) => tryNormalizeDomain(exchange))
    .filter(name => name !== undefined)
  return shorten([...new Set(names)].sort().join(' ')) || destination
}

/** A name may be kept for long, and there may be thousands of records. */
function shorten(name: string): string {
  if (name.length <= longestName) return name
  const digest = createHash('sha256').update(name).digest('hex')
  return `${name.slice(0, longestName - digest.length - 1)} ${digest}`
}
