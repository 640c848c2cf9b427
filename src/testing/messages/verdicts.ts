import type { DnsAnswer, Resolver } from '../../dns/resolver.js'
import { loadMailauth } from '../../signing/load-mailauth.js'

/** What a receiver thinks of who sent a message. Made by `message.verdicts()`. */
export interface Verdicts {
  /** RFC 7208: `pass`, `fail`, `softfail`, `neutral`, `none`, `temperror`, `permerror`. */
  readonly spf: { readonly result: string; readonly domain: string; readonly reason: string }
  /** RFC 6376, one for each signature. */
  readonly dkim: readonly DkimVerdict[]
  /** RFC 7489. `none`: the domain has no policy. */
  readonly dmarc: DmarcVerdict
}

/** Of one signature. */
export interface DkimVerdict {
  readonly result: string
  readonly domain: string
  readonly selector: string
  readonly reason: string
}

/** Of the domain of From. */
export interface DmarcVerdict {
  readonly result: string
  readonly domain: string
  /** What the domain asks for: `none`, `quarantine`, `reject`. */
  readonly policy: string
  /** Whether SPF and DKIM passed for the domain of From. */
  readonly aligned: { readonly spf: boolean; readonly dkim: boolean }
  readonly reason: string
}

/** What is judged. */
export interface JudgedMessage {
  readonly raw: Buffer
  readonly sender: string
  readonly remoteAddress: string
  readonly helo: string
  /** Who judges. */
  readonly hostname: string
}

/**
 * Judges a message by SPF, DKIM and DMARC against the records of a DNS of one's own.
 * @throws MailError `DRIVER_MISSING` when the package mailauth is not installed.
 */
export async function judgeMessage(message: JudgedMessage, resolver: Resolver): Promise<Verdicts> {
  const { authenticate } = await loadMailauth('verdicts of SPF, DKIM and DMARC')
  const found = await authenticate(message.raw, {
    sender: message.sender,
    ip: message.remoteAddress,
    helo: message.helo,
    mta: message.hostname,
    disableArc: true,
    disableBimi: true,
    resolver: (name: string, type: string) => resolve(resolver, name, type),
  })
  const { spf, dkim, dmarc } = found
  return {
    spf: spf
      ? { result: spf.status.result, domain: spf.domain ?? '', reason: spf.status.comment ?? '' }
      : { result: 'none', domain: '', reason: 'there is no sender' },
    dkim: dkim.results
      .filter(each => each.signingDomain)
      .map(each => ({
        result: each.status.result,
        domain: each.signingDomain ?? '',
        selector: each.selector ?? '',
        reason: each.status.comment ?? '',
      })),
    dmarc: dmarc
      ? {
          result: dmarc.status.result,
          domain: dmarc.domain ?? '',
          policy: dmarc.p ?? 'none',
          aligned: {
            spf: Boolean(dmarc.alignment?.spf?.result),
            dkim: Boolean(dmarc.alignment?.dkim?.result),
          },
          reason: dmarc.status.comment ?? '',
        }
      : {
          result: 'none',
          domain: '',
          policy: 'none',
          aligned: { spf: false, dkim: false },
          reason: 'no policy',
        },
  }
}

/** The answers of a resolver, as `dns.promises.resolve` gives them. */
async function resolve(resolver: Resolver, name: string, type: string): Promise<string[] | string[][]> {
  switch (type) {
    case 'TXT':
      return records(await resolver.txt(name), name).map(text => [text])
    case 'A':
      return records(await resolver.addresses(name, { family: 4 }), name).map(({ address }) => address)
    case 'AAAA':
      return records(await resolver.addresses(name, { family: 6 }), name).map(({ address }) => address)
    case 'MX':
      return records(await resolver.mx(name), name) as never
    case 'PTR':
      return records(await resolver.ptr(name), name)
    default:
      throw notFound(name)
  }
}

function records<T>(answer: DnsAnswer<T>, name: string): readonly T[] & T[] {
  if (answer.status === 'found') return [...answer.records]
  if (answer.status === 'not-found') throw notFound(name)
  throw Object.assign(new Error(`${name}: ${answer.detail}`), { code: 'ESERVFAIL' })
}

function notFound(name: string): Error {
  return Object.assign(new Error(`${name}: no such record`), { code: 'ENOTFOUND' })
}
