/** Flags by the letters of the fields `Status` and `X-Status`, as UW IMAP, Dovecot, mutt and Python write them. */
const letters = new Map([
  ['R', '\\Seen'],
  ['A', '\\Answered'],
  ['F', '\\Flagged'],
  ['T', '\\Draft'],
  ['D', '\\Deleted'],
])

/** Names of the fields that are of the mailbox and not of the message, in lower case. */
export const mailboxFields: ReadonlySet<string> = new Set([
  'status',
  'x-status',
  'x-keywords',
  'x-uid',
  'x-imap',
  'x-imapbase',
])

/** Flags that a field of a mailbox tells, keywords as they are written: some programs put commas between them. */
export function flagsOfField(name: string, value: string): string[] {
  if (name === 'x-keywords') return value.split(/\s+/).filter(word => word !== '')
  if (name !== 'status' && name !== 'x-status') return []
  return [...value].map(letter => letters.get(letter)).filter(flag => flag !== undefined)
}

const longestLine = 900

/** The fields that tell the flags of a message; lines end in LF. */
export function statusFields(flags: readonly string[]): string {
  const has = new Set(flags)
  const status = [...letters].filter(([, flag]) => has.delete(flag)).map(([letter]) => letter)
  const seen = status[0] === 'R' ? 'R' : ''
  // The O says that the message is not new to its owner, as all mail is that was kept for a while.
  const fields = [`Status: ${seen}O`]
  const others = status.filter(letter => letter !== 'R').join('')
  if (others !== '') fields.push(`X-Status: ${others}`)
  let line = ''
  for (const keyword of has) {
    if (line.length + keyword.length > longestLine) {
      fields.push(`X-Keywords:${line}`)
      line = ''
    }
    line += ` ${keyword}`
  }
  if (line !== '') fields.push(`X-Keywords:${line}`)
  return `${fields.join('\n')}\n`
}
