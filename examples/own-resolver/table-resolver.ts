import { type DnsAnswer, type QuestionType, type RecordData, RecordResolver } from 'posthorn'

/** The records of one name, by their type. */
export type Row = { readonly [Type in QuestionType]?: readonly RecordData[Type][] }

/** A resolver that looks names up in a table, which may be a query of a database as well. */
export class TableResolver extends RecordResolver {
  readonly #find: (name: string) => Promise<Row | undefined>

  constructor(find: (name: string) => Promise<Row | undefined>) {
    super()
    this.#find = find
  }

  protected override async ask<Type extends QuestionType>(
    name: string,
    type: Type,
  ): Promise<DnsAnswer<RecordData[Type]>> {
    const row = await this.#find(name)
    const records = row?.[type]
    if (records && records.length > 0) return { status: 'found', records, ttl: 60, secure: false }
    return { status: 'not-found', reason: row ? 'nodata' : 'nxdomain', ttl: 60, secure: false }
  }

  override async close(): Promise<void> {}
}
