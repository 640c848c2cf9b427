import type { ResourceRecord } from './record.js'
import type { DnsFailure, DnsNotFound } from './resolver.js'

/** Whoever knows the records of names first hand: what a DNS server answers from. */
export interface Authority {
  /**
   * Answers one question, following aliases.
   * @param name - in lower case, without trailing dot
   * @param type - a record type by its name, such as `MX`; a type that the authority has no records of is no error
   */
  query(name: string, type: string): AuthorityAnswer
}

/** How an {@link Authority} answers. `aliases` are the CNAME records that lead from the name to the answer, in order. */
export type AuthorityAnswer =
  | {
      readonly status: 'found'
      readonly aliases: readonly ResourceRecord<'CNAME'>[]
      /** At least one. */
      readonly records: readonly ResourceRecord[]
      readonly secure: boolean
    }
  | (DnsNotFound & { readonly aliases: readonly ResourceRecord<'CNAME'>[] })
  | DnsFailure
