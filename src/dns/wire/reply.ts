import { randomFillSync, randomInt } from 'node:crypto'
import {
  clearTtl,
  decodePacket,
  ednsRecord,
  encodePacket,
  flag,
  headerSize,
  isDamaged,
  recordOfAnswer,
} from '../packet.js'
import type { QuestionType, ResourceRecord } from '../record.js'

/** What a question says besides its name and type. */
export interface QueryOptions {
  /** Whether to ask for the AD bit (RFC 6840 §5.7). */
  readonly authentic: boolean
  /** Whether to mix the case of the name. */
  readonly randomCase: boolean
  /** Whether to offer more than 512 octets of UDP (RFC 6891). */
  readonly edns: boolean
}

/** A name server's answer to a question, as far as mail cares. */
export interface Reply {
  readonly status: 'reply'
  /** Response code, of EDNS where it is there. */
  readonly rcode: number
  readonly truncated: boolean
  /** The AD bit (RFC 4035 §3.2.3). */
  readonly authentic: boolean
  /** The answer section. */
  readonly records: readonly ResourceRecord[]
  /** Whether there were records of mail's types that could not be used. */
  readonly damaged: boolean
  /** Seconds that the absence may be kept, by the SOA record (RFC 2308 §5). */
  readonly negativeTtl: number | undefined
  /** Octets of the packet. */
  readonly size: number
}

/** Writes a question with a random id (RFC 5452 §9.2). */
export function encodeQuery(name: string, type: QuestionType, options: QueryOptions): Buffer {
  return encodePacket({
    type: 'query',
    id: randomInt(0x1_0000),
    flags: flag.recursionDesired | (options.authentic ? flag.authentic : 0),
    questions: [{ type, name: options.randomCase ? mixCase(name) : name }],
    additionals: options.edns ? [ednsRecord()] : [],
  })
}

/**
 * Reads the reply to `query`. `undefined` for a packet that is no reply to it, as a forger sends while the real one
 * is under way: wrong id, wrong question, a question itself (RFC 5452 §9.1).
 * @throws MailError `PROTOCOL` when it is the reply, and broken.
 */
export function readReply(bytes: Buffer, query: Buffer, exactCase: boolean): Reply | undefined {
  if (!answersQuery(bytes, query, exactCase)) return undefined
  const flags = bytes.readUInt16BE(2)
  const packet = decodePacket(bytes)
  const answers = packet.answers ?? []
  const records = answers.map(recordOfAnswer).filter(record => record !== undefined)
  const opt = packet.additionals?.find(record => record.type === 'OPT')
  return {
    status: 'reply',
    rcode: ((opt?.extendedRcode ?? 0) << 4) | (flags & 0xf),
    truncated: (flags & flag.truncated) !== 0,
    authentic: (flags & flag.authentic) !== 0,
    records,
    damaged: answers.some(isDamaged),
    negativeTtl: negativeTtl(packet.authorities ?? []),
    size: bytes.length,
  }
}

function answersQuery(bytes: Buffer, query: Buffer, exactCase: boolean): boolean {
  if (bytes.length < headerSize || bytes.readUInt16BE(0) !== query.readUInt16BE(0)) return false
  const flags = bytes.readUInt16BE(2)
  if ((flags & 0x8000) === 0 || (flags & 0x7800) !== 0) return false
  // A server that could not read the question, or will not, may leave it out.
  if (bytes.readUInt16BE(4) === 0) return (flags & 0xf) !== 0 && bytes.readUInt16BE(6) === 0
  const asked = questionOf(query)
  const echoed = bytes.subarray(headerSize, headerSize + asked.length)
  if (exactCase) return echoed.equals(asked)
  return echoed.toString('latin1').toLowerCase() === asked.toString('latin1').toLowerCase()
}

/** The octets of the one question: a name without pointers, type and class. */
function questionOf(query: Buffer): Buffer {
  return query.subarray(headerSize, query.indexOf(0, headerSize) + 5)
}

function negativeTtl(authorities: Parameters<typeof recordOfAnswer>[0][]): number | undefined {
  for (const record of authorities) {
    if (record.type === 'SOA') return Math.min(clearTtl(record.ttl), clearTtl(record.data.minimum))
  }
  return undefined
}

function mixCase(name: string): string {
  const coins = randomFillSync(new Uint8Array(name.length))
  return name.replace(/[a-z]/g, (letter, at: number) =>
    (coins[at] ?? 0) & 1 ? letter.toUpperCase() : letter,
  )
}
