/** Ids as the contract has them: a letter for the kind and the row in base 36. Safe as file names. */
function format(kind: string, row: number, width = 0): string {
  return kind + row.toString(36).padStart(width, '0')
}

/** The row of an id, or 0, which no row has. */
function parse(kind: string, id: string): number {
  if (!id.startsWith(kind) || !/^[0-9a-z]{1,10}$/.test(id.slice(1))) return 0
  return Number.parseInt(id.slice(1), 36)
}

export const blobId = { of: (row: number) => format('b', row), row: (id: string) => parse('b', id) }

export const mailboxId = { of: (row: number) => format('m', row), row: (id: string) => parse('m', id) }

/** Of a fixed width, so that ids ascend as rows do: 36^9 entries are more than any queue will see. */
export const entryId = { of: (row: number) => format('q', row, 9), row: (id: string) => parse('q', id) }
