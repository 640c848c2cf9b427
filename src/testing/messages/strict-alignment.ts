import type { MailauthPackage } from '../../signing/load-mailauth.js'

type DmarcResult = Exclude<Awaited<ReturnType<MailauthPackage['dmarc']>>, false>

/** The domains that SPF and DKIM passed for, and that of From. */
export interface PassedDomains {
  readonly from: string
  readonly spf: readonly string[]
  readonly dkim: readonly string[]
}

/**
 * What DMARC finds where a domain asks for strict alignment (RFC 7489 §3.1), which mailauth takes for relaxed: a pass stands
 * only where one of the two passed for the very domain of From.
 */
export function heedStrictAlignment(found: DmarcResult, passed: PassedDomains) {
  const from = passed.from.toLowerCase()
  const holds = (by: 'spf' | 'dkim') => {
    const { result, strict } = found.alignment?.[by] ?? {}
    return Boolean(result) && (!strict || passed[by].some(domain => domain.toLowerCase() === from))
  }
  const aligned = { spf: holds('spf'), dkim: holds('dkim') }
  const { result } = found.status
  return { aligned, result: result === 'pass' && !aligned.spf && !aligned.dkim ? 'fail' : result }
}
