import type { Authority, AuthorityAnswer } from '../authority.js'
import {
  type Answer,
  answerOfRecord,
  decodePacket,
  dnssecOk,
  ednsRecord,
  encodePacket,
  flag,
  headerSize,
  type PacketType,
  rcode,
  udpPayload,
} from '../packet.js'
import type { DnsFailure } from '../resolver.js'

/** The least that every client takes over UDP (RFC 1035 §4.2.1). */
const plainUdpPayload = 512
const tcpPayload = 65_535
const badVersion = 1

/** A question that can be answered. */
interface Question {
  readonly id: number
  readonly name: string
  readonly type: PacketType
  /** The octets of the question, to be repeated in the very case they came. */
  readonly raw: Buffer
  readonly recursionDesired: boolean
  /** The client's EDNS record (RFC 6891), if it sent one. */
  readonly edns: { readonly size: number; readonly version: number } | undefined
  /** Whether the client wants to hear of DNSSEC: it set AD or DO (RFC 6840 §5.7). */
  readonly wantsAuthentic: boolean
}

/** A reply before it is written. */
interface Draft {
  readonly rcode: number
  readonly extendedRcode?: number
  readonly flags?: number
  readonly answers?: readonly Answer[]
  readonly authorities?: readonly Answer[]
}

/**
 * Answers one packet from `zone`. Returns `undefined` where silence is the answer: to what is no question, so that
 * two servers never talk to each other, and to names that are made to time out.
 */
export function answerQuery(bytes: Buffer, zone: Authority, transport: 'udp' | 'tcp'): Buffer | undefined {
  if (bytes.length < headerSize || (bytes.readUInt16BE(2) & 0x8000) !== 0) return undefined
  const question = readQuestion(bytes)
  if (typeof question === 'number') return refusal(bytes, question)
  if ((question.edns?.version ?? 0) > 0) {
    return write(question, { rcode: rcode.noError, extendedRcode: badVersion }, transport)
  }
  const answer = askZone(zone, question)
  if (answer.status === 'temporary-failure') return fail(question, answer.reason, transport)
  const authentic = answer.secure && question.wantsAuthentic ? flag.authentic : 0
  const aliases = answer.aliases.map(answerOfRecord)
  const draft: Draft =
    answer.status === 'found'
      ? { rcode: rcode.noError, answers: [...aliases, ...answer.records.map(answerOfRecord)] }
      : {
          rcode: answer.reason === 'nxdomain' ? rcode.nxDomain : rcode.noError,
          answers: aliases,
          authorities: [startOfAuthority(answer.ttl)],
        }
  return write(question, { ...draft, flags: flag.authoritative | authentic }, transport)
}

/** The one question of a packet, or the response code that it deserves. */
function readQuestion(bytes: Buffer): Question | number {
  const flags = bytes.readUInt16BE(2)
  if ((flags & 0x7800) !== 0) return rcode.notImp
  const counts = [4, 6, 8, 10].map(offset => bytes.readUInt16BE(offset)) as [number, number, number, number]
  if (counts[0] !== 1 || counts[1] !== 0 || counts[2] !== 0 || counts[3] > 2) return rcode.formErr
  try {
    const { questions, additionals } = decodePacket(bytes)
    const [asked] = questions ?? []
    if (asked?.class !== 'IN') return rcode.refused
    const raw = rawQuestion(bytes, asked.name, asked.type)
    if (!raw) return rcode.refused
    const opt = additionals?.find(record => record.type === 'OPT')
    return {
      id: bytes.readUInt16BE(0),
      name: asked.name === '.' ? '' : asked.name.toLowerCase(),
      type: asked.type,
      raw,
      recursionDesired: (flags & flag.recursionDesired) !== 0,
      edns: opt && { size: opt.udpPayloadSize, version: opt.ednsVersion },
      wantsAuthentic: (flags & flag.authentic) !== 0 || ((opt?.flags ?? 0) & dnssecOk) !== 0,
    }
  } catch {
    return rcode.formErr
  }
}

/** The question's octets, or `undefined` when its name is not what it reads as: dots or raw octets within labels. */
function rawQuestion(bytes: Buffer, name: string, type: PacketType): Buffer | undefined {
  const written = encodePacket({ questions: [{ name, type }] }).subarray(headerSize)
  const raw = bytes.subarray(headerSize, headerSize + written.length)
  return raw.equals(written) ? raw : undefined
}

function askZone(zone: Authority, question: Question): AuthorityAnswer {
  try {
    return zone.query(question.name, question.type)
  } catch {
    return { status: 'temporary-failure', reason: 'servfail', detail: 'the zone threw' }
  }
}

/** Fails as {@link DnsZone.fail} was told to. */
function fail(
  question: Question,
  reason: DnsFailure['reason'],
  transport: 'udp' | 'tcp',
): Buffer | undefined {
  if (reason === 'timeout' || reason === 'unreachable') return undefined
  if (reason === 'refused') return write(question, { rcode: rcode.refused }, transport)
  if (reason === 'malformed') {
    const address: Answer = { type: 'A', name: question.name, data: '192.0.2.1' }
    return write(
      { ...question, edns: undefined },
      { rcode: rcode.noError, answers: [address] },
      'tcp',
    )?.subarray(0, -9)
  }
  return write(question, { rcode: rcode.servFail }, transport)
}

/** What negative answers carry (RFC 2308 §3). One zone holds all names here, so it starts at the root. */
function startOfAuthority(ttl: number): Answer {
  const data = { mname: 'ns.invalid', rname: 'hostmaster.invalid', serial: 1, minimum: ttl }
  return { type: 'SOA', name: '.', ttl, data: { ...data, refresh: 3600, retry: 600, expire: 86_400 } }
}

function write(question: Question, draft: Draft, transport: 'udp' | 'tcp'): Buffer {
  const limit =
    transport === 'tcp'
      ? tcpPayload
      : Math.min(Math.max(question.edns?.size ?? 0, plainUdpPayload), udpPayload)
  const whole = tryEncode(question, draft)
  if (whole && whole.length <= limit) return whole
  if (!whole || transport === 'tcp') return encode(question, { rcode: rcode.servFail })
  return encode(question, { rcode: draft.rcode, flags: (draft.flags ?? 0) | flag.truncated })
}

/** `undefined` where no packet can hold the records, as with text of more than 64 KiB. */
function tryEncode(question: Question, draft: Draft): Buffer | undefined {
  try {
    return encode(question, draft)
  } catch {
    return undefined
  }
}

function encode(question: Question, draft: Draft): Buffer {
  const desired = question.recursionDesired ? flag.recursionDesired : 0
  const packet = encodePacket({
    type: 'response',
    id: question.id,
    flags: draft.rcode | (draft.flags ?? 0) | desired | flag.recursionAvailable,
    questions: [{ name: question.name, type: question.type }],
    answers: [...(draft.answers ?? [])],
    authorities: [...(draft.authorities ?? [])],
    additionals: question.edns ? [ednsRecord(draft.extendedRcode)] : [],
  })
  question.raw.copy(packet, headerSize)
  return packet
}

/** A reply to what could not be read: the header alone. */
function refusal(bytes: Buffer, code: number): Buffer {
  const opcodeAndRd = bytes.readUInt16BE(2) & 0x7900
  const header = Buffer.alloc(headerSize)
  header.writeUInt16BE(bytes.readUInt16BE(0), 0)
  header.writeUInt16BE(0x8000 | opcodeAndRd | code, 2)
  return header
}
