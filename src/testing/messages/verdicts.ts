import { isIP } from 'node:net'
import type { DnsAnswer, Resolver } from '../../dns/resolver.js'
import { loadMailauth, type MailauthPackage } from '../../signing/load-mailauth.js'
import { heedStrictAlignment, type PassedDomains } from './strict-alignment.js'

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
  /** Who judges, and when: epoch milliseconds. */
  readonly hostname: string
  readonly now: number
}

/**
 * Judges a message by SPF, DKIM and DMARC against the records of a DNS of one's own.
 * @throws MailError `DRIVER_MISSING` when the package mailauth is not installed.
 */
export async function judgeMessage(message: JudgedMessage, resolver: Resolver): Promise<Verdicts> {
  // Not by its `authenticate`, which has no time but the machine's.
  const { dkimVerify, dmarc, spf } = await loadMailauth('verdicts of SPF, DKIM and DMARC')
  const ask = (name: string, type: string) => resolve(resolver, name, type)
  const { sender, remoteAddress: ip, hostname: mta, now } = message
  const helo = isIP(message.helo) === 0 ? message.helo : `[${message.helo}]`
  const signed = await dkimVerify(message.raw, { sender, resolver: ask, curTime: now })
  const sent = await spf({ sender, ip, helo, mta, resolver: ask })
  const spfDomains = sent?.status.result === 'pass' ? [sent.domain] : []
  const verified = signed.results.filter(({ status }) => status.result === 'pass')
  const policy =
    signed.headerFrom &&
    (await dmarc({
      headerFrom: signed.headerFrom,
      spfDomains,
      dkimDomains: verified.map(
        ({ signingDomain: domain, status: { aligned = false, underSized = false } }) => ({
          domain,
          aligned,
          underSized,
        }),
      ),
      resolver: ask,
    }))
  const passed = {
    from: signed.headerFrom?.[0]?.split('@').at(-1) ?? '',
    spf: spfDomains,
    dkim: verified.map(({ signingDomain }) => signingDomain ?? ''),
  }
  return {
    spf: spfVerdict(sent),
    dkim: signed.results.flatMap(dkimVerdicts),
    dmarc: dmarcVerdict(policy, passed),
  }
}

type Found<Name extends 'dkimVerify' | 'dmarc' | 'spf'> = Awaited<ReturnType<MailauthPackage[Name]>>

function spfVerdict(found: Found<'spf'> | undefined): Verdicts['spf'] {
  if (!found) return { result: 'none', domain: '', reason: 'there is no sender' }
  const { status, domain } = found
  return { result: status.result, domain: domain ?? '', reason: status.comment ?? '' }
}

function dkimVerdicts({
  signingDomain,
  selector = '',
  status,
}: Found<'dkimVerify'>['results'][number]): DkimVerdict[] {
  if (!signingDomain) return []
  return [{ result: status.result, domain: signingDomain, selector, reason: status.comment ?? '' }]
}

function dmarcVerdict(found: Found<'dmarc'> | undefined | '', passed: PassedDomains): DmarcVerdict {
  if (!found) {
    const aligned = { spf: false, dkim: false }
    return { result: 'none', domain: '', policy: 'none', aligned, reason: 'no policy' }
  }
  const { status, domain = '', p: policy = 'none' } = found
  return { ...heedStrictAlignment(found, passed), domain, policy, reason: status.comment ?? '' }
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
