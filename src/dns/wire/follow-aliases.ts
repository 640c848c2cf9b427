import type { QuestionType, RecordData, ResourceRecord } from '../record.js'

/** Where the records of an answer lead. */
export type Trail<Data> =
  /** `name` is the owner of the records. */
  | {
      readonly end: 'records'
      readonly name: string
      readonly records: readonly Data[]
      readonly ttl: number
    }
  /** `name` is the last alias' target, about which the answer says nothing more. */
  | { readonly end: 'nothing'; readonly name: string; readonly aliases: number; readonly ttl: number }
  | { readonly end: 'loop' }

/** Aliases followed for one lookup. */
export const longestChain = 8

/** Records of one answer that are used; nobody has more exchangers or addresses in earnest. */
const mostRecords = 256

/** Follows CNAME records from `name` to the records of `type`; whatever else the answer holds is ignored. */
export function followAliases<Type extends QuestionType>(
  records: readonly ResourceRecord[],
  name: string,
  type: Type,
): Trail<RecordData[Type]> {
  let owner = name
  let ttl = Number.POSITIVE_INFINITY
  for (let aliases = 0; aliases <= longestChain; aliases++) {
    const own = records.filter(record => record.name === owner)
    const found = own.filter(record => record.type === type).slice(0, mostRecords)
    ttl = Math.min(ttl, ...found.map(record => record.ttl))
    if (found.length > 0) {
      return {
        end: 'records',
        name: owner,
        records: found.map(record => record.data as RecordData[Type]),
        ttl,
      }
    }
    const alias = own.find(record => record.type === 'CNAME')
    if (alias?.type !== 'CNAME') return { end: 'nothing', name: owner, aliases, ttl }
    ttl = Math.min(ttl, alias.ttl)
    owner = alias.data
  }
  return { end: 'loop' }
}
