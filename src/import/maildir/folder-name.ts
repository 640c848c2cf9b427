import { decodeModifiedUtf7, encodeModifiedUtf7 } from './modified-utf7.js'

/**
 * The directory of a mailbox below its Maildir, as Maildir++ and Dovecot name it: `.Sent.2024` for `Sent/2024`, and the
 * Maildir itself, `''`, for `INBOX`. A dot within a level is written `\2e` and a backslash `\5c`, as Dovecot's
 * listescape does, since the dot stands between levels.
 */
export function folderOf(mailbox: string, encoding: 'utf-7' | 'utf-8'): string {
  if (mailbox === 'INBOX') return ''
  const escaped = mailbox.split('/').map(level => level.replaceAll('\\', '\\5c').replaceAll('.', '\\2e'))
  const name = `.${escaped.join('.')}`
  if (encoding === 'utf-7') return encodeModifiedUtf7(name)
  // What happens to be well-formed modified UTF-7 must not be read as such.
  return (decodeModifiedUtf7(name) ?? name) === name ? name : name.replaceAll('&', '\\26')
}

/**
 * The mailbox of a directory whose name begins with a dot. Modified UTF-7 is read where it is well-formed, UTF-8 where it
 * is not.
 */
export function mailboxOf(folder: string): string {
  const name = decodeModifiedUtf7(folder) ?? folder
  const unescaped = (level: string) =>
    level.replace(/\\([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return name.slice(1).split('.').map(unescaped).join('/')
}
