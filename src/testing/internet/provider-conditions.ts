import { isIP } from 'node:net'
import { reverseName } from '../../dns/dns-name.js'
import type { DnsZone } from '../../dns/zone/create-dns-zone.js'
import { type MessageHeader, parseHeader } from '../../message/header.js'
import type { ScriptedPeer } from '../remote/scripted-peer.js'
import type { ProviderCondition } from './provider-profile.js'

/** What a condition is judged by. */
export interface Judged {
  /** Address of the recipient, or the message, as the point has it. */
  readonly argument: string
  readonly peer: ScriptedPeer
  readonly zone: DnsZone
  /** Local parts that have a mailbox. */
  readonly users: ReadonlySet<string> | undefined
}

/** Whether each condition holds; the limit of its rule comes on top. */
export const providerConditions: Readonly<Record<ProviderCondition, (judged: Judged) => boolean>> = {
  'over-rate': () => true,
  'too-many-connections': () => true,
  'no-reverse-name': ({ peer, zone }) => {
    const { remoteAddress } = peer.ends
    return isIP(remoteAddress) !== 0 && !has(zone, reverseName(remoteAddress) ?? '', 'PTR')
  },
  unauthenticated: ({ argument, peer, zone }) =>
    !hasSpf(zone, peer.sender) && !hasDkim(zone, headerOf(argument)),
  'bulk-without-dmarc': ({ argument, zone }) => !has(zone, `_dmarc.${fromDomain(argument)}`, 'TXT'),
  'bulk-without-dkim': ({ argument, zone }) => !hasDkim(zone, headerOf(argument)),
  'no-such-user': ({ argument, peer, users }) => {
    if (!users) return false
    const named = argument.includes('\n') ? peer.recipients : [argument]
    return named.some(address => !users.has(address.slice(0, address.lastIndexOf('@')).toLowerCase()))
  },
  'not-rfc-5322': ({ argument }) => {
    const header = headerOf(argument)
    return ['From', 'Date', 'Message-ID'].some(name => header.all(name).length !== 1)
  },
}

function has(zone: DnsZone, name: string, type: string): boolean {
  return zone.query(name.toLowerCase(), type).status === 'found'
}

/** Whether the domain of a sender publishes SPF; what the record says is not weighed. */
function hasSpf(zone: DnsZone, sender = ''): boolean {
  const answer = zone.query(sender.slice(sender.lastIndexOf('@') + 1).toLowerCase(), 'TXT')
  return answer.status === 'found' && answer.records.some(record => String(record.data).startsWith('v=spf1'))
}

/** Whether a signature names a key that is published; the signature itself is not computed. */
function hasDkim(zone: DnsZone, header: MessageHeader): boolean {
  return header.all('DKIM-Signature').some(({ value }) => {
    const tag = (name: string) => new RegExp(`(?:^|;)\\s*${name}\\s*=\\s*([\\w.-]+)`).exec(value)?.[1] ?? ''
    return has(zone, `${tag('s')}._domainkey.${tag('d')}`, 'TXT')
  })
}

function fromDomain(message: string): string {
  return /@([\w.-]+)/.exec(headerOf(message).get('From')?.value ?? '')?.[1] ?? ''
}

function headerOf(message: string): MessageHeader {
  return parseHeader(Buffer.from(message))
}
