import type { Command } from '../command.js'
import type { Session } from '../session.js'

/** Languages of the responses (RFC 6856 §3); `i-default` is there by RFC 2277 §4.5, and is English. */
const languages = new Map([
  ['i-default', 'International default'],
  ['en', 'English'],
])

/** RFC 6856 §3. There is English only, so nothing is to be remembered. */
export const lang: Command = {
  verb: 'LANG',
  states: ['authorization', 'transaction'],
  run(session, argument) {
    if (argument === '') return listLanguages(session)
    const language = findLanguage(argument.toLowerCase())
    return language === undefined
      ? session.err('No such language')
      : session.ok(`${language} Language changed`)
  },
}

function listLanguages(session: Session): undefined {
  const lines = [...languages].map(([tag, name]) => `${tag} ${name}\r\n`)
  session.connection.write(`+OK Languages follow\r\n${lines.join('')}.\r\n`)
}

/** The language of a range such as `en-GB`, by the lookup of RFC 4647 §3.4. */
function findLanguage(range: string): string | undefined {
  if (range === '*') return 'en'
  if (languages.has(range)) return range
  const parent = range.slice(0, Math.max(range.lastIndexOf('-'), 0))
  return parent === '' ? undefined : findLanguage(parent)
}
