import { createRequire } from 'node:module'
import type { Answer, DecodedPacket, Packet, RecordType as PacketType } from 'dns-packet'
import { describeError, MailError } from '../core/error.js'
import { addressOfRecord, hostOfRecord } from './dns-name.js'
import { checkPacket } from './packet-bounds.js'
import type { RecordType, ResourceRecord } from './record.js'

/**
 * The wire format of DNS (RFC 1035 §4), for both who ask and who answer. The only importer of dns-packet.
 */
export type { Answer, PacketType }

/** Octets of the header. */
export const headerSize = 12
/** The response codes that are told apart (RFC 1035 §4.1.1). */
export const rcode = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5 } as const
/** The flags of the second header word (RFC 1035 §4.1.1, RFC 4035 §3.2.3). */
export const flag = {
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  authentic: 0x0020,
} as const
/** The DO bit of EDNS (RFC 3225). */
export const dnssecOk = 0x8000

/** Octets of UDP that are offered and taken: what passes everywhere without fragments (RFC 9715 appendix A). */
export const udpPayload = 1232

const load = createRequire(import.meta.url)
let loaded: typeof import('dns-packet') | undefined

/** dns-packet, loaded at the first packet: who asks the system's resolver, or a zone in memory, never has one. */
function codec(): typeof import('dns-packet') {
  loaded ??= load('dns-packet') as typeof import('dns-packet')
  return loaded
}

/**
 * Reads a packet from anybody.
 * @throws MailError `PROTOCOL`.
 */
export function decodePacket(bytes: Buffer): DecodedPacket {
  try {
    checkPacket(bytes)
    return codec().decode(bytes)
  } catch (thrown) {
    throw new MailError('PROTOCOL', `a DNS packet cannot be read: ${describeError(thrown)}`, {
      temporary: true,
      cause: thrown,
    })
  }
}

/** Writes a packet. */
export function encodePacket(packet: Packet): Buffer {
  return codec().encode(packet)
}

/** A packet with the two octets of length that TCP wants before it (RFC 1035 §4.2.2). */
export function framePacket(packet: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(packet.length)
  return Buffer.concat([length, packet])
}

/** What asks for, and tells of, more than 512 octets of UDP (RFC 6891). */
export function ednsRecord(extendedRcode = 0): Answer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: udpPayload,
    extendedRcode,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  }
}

/** A record of a packet, or `undefined` for one of another class or type, or whose data is not what its type says. */
export function recordOfAnswer(answer: Answer): ResourceRecord | undefined {
  if (answer.type === 'OPT' || answer.class !== 'IN') return undefined
  const data = dataOfAnswer(answer)
  if (data === undefined) return undefined
  return {
    name: ownerName(answer.name),
    type: answer.type,
    ttl: clearTtl(answer.ttl),
    data,
  } as ResourceRecord
}

function dataOfAnswer(answer: Answer): ResourceRecord['data'] | undefined {
  switch (answer.type) {
    case 'A':
      return addressOfRecord(answer.data, 4)
    case 'AAAA':
      return addressOfRecord(answer.data, 6)
    case 'CNAME':
      return ownerName(answer.data)
    case 'PTR':
      return hostOfRecord(answer.data) || undefined
    case 'MX': {
      const exchange = hostOfRecord(answer.data.exchange)
      return exchange === undefined ? undefined : { preference: answer.data.preference ?? 0, exchange }
    }
    case 'TLSA': {
      const { usage, selector, matchingType, certificate } = answer.data
      return { usage, selector, matchingType, data: Uint8Array.from(certificate) }
    }
    case 'TXT':
      return Buffer.concat([answer.data].flat().map(part => Buffer.from(part))).toString()
    default:
      return undefined
  }
}

const recordTypes: ReadonlySet<string> = new Set<RecordType>([
  'A',
  'AAAA',
  'CNAME',
  'MX',
  'PTR',
  'TLSA',
  'TXT',
])

/** Whether a record is of a type that {@link recordOfAnswer} reads, and could not be read. */
export function isDamaged(answer: Answer): boolean {
  return (
    recordTypes.has(answer.type) &&
    answer.type !== 'OPT' &&
    answer.class === 'IN' &&
    recordOfAnswer(answer) === undefined
  )
}

/** A record as a packet holds it. */
export function answerOfRecord(record: ResourceRecord): Answer {
  const { name, ttl } = record
  switch (record.type) {
    case 'TXT':
      return { type: 'TXT', name, ttl, data: characterStrings(record.data) }
    case 'TLSA':
      return { type: 'TLSA', name, ttl, data: { ...record.data, certificate: Buffer.from(record.data.data) } }
    case 'MX':
      return { type: 'MX', name, ttl, data: record.data }
    default:
      return { type: record.type, name, ttl, data: record.data }
  }
}

/** Text cut to strings of 255 octets (RFC 1035 §3.3). */
function characterStrings(text: string): Buffer[] {
  const bytes = Buffer.from(text)
  const strings = [bytes.subarray(0, 255)]
  for (let at = 255; at < bytes.length; at += 255) strings.push(bytes.subarray(at, at + 255))
  return strings
}

/** A TTL with its highest bit set counts as zero (RFC 2181 §8). */
export function clearTtl(ttl = 0): number {
  return ttl > 0x7fff_ffff ? 0 : ttl
}

function ownerName(name: string): string {
  return name === '.' ? '' : name.toLowerCase()
}
