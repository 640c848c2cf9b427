import type { MxRecord, TlsaRecord } from './resolver.js'

/** What a record of each type says, for the types that mail asks for. Names as in {@link MxRecord.exchange}. */
export interface RecordData {
  /** An IPv4 address. */
  A: string
  /** An IPv6 address in the form of RFC 5952. */
  AAAA: string
  /** The name that the owner is an alias of. */
  CNAME: string
  MX: MxRecord
  /** The name of the address whose reverse name the owner is. */
  PTR: string
  TLSA: TlsaRecord
  /** The strings of the record, joined. */
  TXT: string
}

/** A record type by its name. */
export type RecordType = keyof RecordData

/** The types that are asked for. */
export type QuestionType = RecordType

/** A resource record (RFC 1035 §3.2.1) of one of the given types. */
export type ResourceRecord<Type extends RecordType = RecordType> = {
  [T in Type]: {
    /** Owner name in lower case, without trailing dot. */
    readonly name: string
    readonly type: T
    /** Seconds. */
    readonly ttl: number
    readonly data: RecordData[T]
  }
}[Type]
