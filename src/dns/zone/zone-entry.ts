import { z } from 'zod'
import { lazy } from '../../core/options.js'
import { addressOfRecord, dnsName, hostOfRecord } from '../dns-name.js'
import type { RecordData, RecordType } from '../record.js'
import type { MxRecord, TlsaRecord } from '../resolver.js'

/** The records of one name. A single record may stand without its list. */
export interface ZoneEntry {
  /** IPv4 addresses. */
  a?: string | readonly string[]
  /** IPv6 addresses. */
  aaaa?: string | readonly string[]
  /** Mail exchangers: `'mx.rome.test'` (preference 10), `'20 mx2.rome.test'`, or records. `'0 .'` is the null MX of RFC 7505. */
  mx?: string | MxRecord | readonly (string | MxRecord)[]
  /** Text records, each one string of any length. */
  txt?: string | readonly string[]
  /** TLSA records as in a zone file, `'3 1 1 0d6f…'`, or records. */
  tlsa?: string | TlsaRecord | readonly (string | TlsaRecord)[]
  /** Names of the address that the entry is for. */
  ptr?: string | readonly string[]
  /** The name that this one is an alias of. Stands alone (RFC 1034 §3.6.2). */
  cname?: string
  /** Seconds the records may be kept. Default: that of the zone. */
  ttl?: number
  /** Whether answers with these records count as validated by DNSSEC. Default: that of the zone. */
  secure?: boolean
}

/** The records of a {@link ZoneEntry}, read. */
export interface ZoneEntryData {
  readonly data: ReadonlyMap<RecordType, readonly RecordData[RecordType][]>
  readonly ttl: number | undefined
  readonly secure: boolean | undefined
}

/** A schema that reads what `read` understands. */
function read<Input, Output>(expected: string, reader: (input: Input) => Output | undefined) {
  return z.custom<Input>().transform((input, context) => {
    const output = reader(input)
    if (output !== undefined) return output
    context.issues.push({ code: 'custom', message: `expected ${expected}`, input })
    return z.NEVER
  })
}

function oneOrMore<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess(
    value => (value === undefined || Array.isArray(value) ? value : [value]),
    z.array(schema),
  )
}

const text = (reader: (input: string) => string | undefined) => (input: unknown) =>
  typeof input === 'string' ? reader(input) : undefined

const ipv4 = lazy(() =>
  read(
    "an IPv4 address such as '192.0.2.1'",
    text(input => addressOfRecord(input, 4)),
  ),
)
const ipv6 = lazy(() =>
  read(
    "an IPv6 address such as '2001:db8::1'",
    text(input => addressOfRecord(input, 6)),
  ),
)
const name = lazy(() => read("a name such as 'mx.rome.test'", text(dnsName)))
const mx = lazy(() =>
  read("an exchanger such as 'mx.rome.test', '20 mx.rome.test' or { preference, exchange }", readMx),
)
const tlsa = lazy(() =>
  read("a TLSA record such as '3 1 1 0d6f…' or { usage, selector, matchingType, data }", readTlsa),
)

/** Reads a {@link ZoneEntry}. */
export const zoneEntrySchema: () => z.ZodType<ZoneEntryData> = lazy(() =>
  z
    .strictObject({
      a: oneOrMore(ipv4()).optional(),
      aaaa: oneOrMore(ipv6()).optional(),
      mx: oneOrMore(mx()).optional(),
      txt: oneOrMore(z.string()).optional(),
      tlsa: oneOrMore(tlsa()).optional(),
      ptr: oneOrMore(name()).optional(),
      cname: name().optional(),
      ttl: z.int().min(0).max(2_147_483_647).optional(),
      secure: z.boolean().optional(),
    })
    .transform(({ ttl, secure, a, aaaa, mx, txt, tlsa, ptr, cname }) => {
      const lists: [RecordType, readonly RecordData[RecordType][] | undefined][] = [
        ['A', a],
        ['AAAA', aaaa],
        ['MX', mx],
        ['TXT', txt],
        ['TLSA', tlsa],
        ['PTR', ptr],
        ['CNAME', cname === undefined ? undefined : [cname]],
      ]
      const data = new Map<RecordType, readonly RecordData[RecordType][]>()
      for (const [type, list] of lists) if (list && list.length > 0) data.set(type, list)
      return { data, ttl, secure }
    })
    .refine(({ data }) => !data.has('CNAME') || data.size === 1, {
      error: 'cname: expected to stand alone (RFC 1034 §3.6.2)',
    }),
)

function readMx(input: string | MxRecord): MxRecord | undefined {
  const [, preference, exchange] =
    typeof input === 'string'
      ? (/^(?:(\d{1,5})\s+)?(\S*)$/.exec(input.trim()) ?? [])
      : [undefined, input?.preference, input?.exchange]
  const host = typeof exchange === 'string' ? hostOfRecord(exchange) : undefined
  const rank = Number(preference ?? 10)
  return host !== undefined && isUnsigned(rank, 0xffff) ? { preference: rank, exchange: host } : undefined
}

function readTlsa(input: string | TlsaRecord): TlsaRecord | undefined {
  if (typeof input === 'string') {
    const [, usage, selector, matchingType, hex] =
      /^(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\s+((?:[\da-f]{2})+)$/i.exec(input.trim()) ?? []
    if (hex === undefined) return undefined
    return readTlsa({
      usage: Number(usage),
      selector: Number(selector),
      matchingType: Number(matchingType),
      data: Buffer.from(hex, 'hex'),
    })
  }
  if (typeof input !== 'object' || input === null || !(input.data instanceof Uint8Array)) return undefined
  const { usage, selector, matchingType } = input
  if (![usage, selector, matchingType].every(value => isUnsigned(value, 0xff))) return undefined
  return { usage, selector, matchingType, data: Uint8Array.from(input.data) }
}

function isUnsigned(value: unknown, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most
}
