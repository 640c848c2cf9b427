import type { Logger } from 'posthorn'

let steps = 0

/** Begins the next step of the story. */
export function tellStep(title: string) {
  console.log(`\n${++steps}. ${title}`)
}

/** One line of the story. */
export function tell(text: string) {
  console.log(`   ${text}`)
}

/** The beginning of a letter: the fields a person looks at, and the text. */
export function tellLetter(who: string, message = '') {
  const [header = '', ...body] = message.split('\r\n\r\n')
  tell(`${who}:`)
  for (const field of header.replace(/\r\n[ \t]+/g, ' ').split('\r\n')) {
    if (/^(Return-Path|From|To|Subject|Received):/i.test(field)) tell(`  │ ${shorten(field)}`)
  }
  const text = body
    .join('\n\n')
    .split(/\r?\n/)
    .filter(line => !/^(--|Content-|$)/.test(line))
  for (const line of text.slice(0, 8)) tell(`  │   ${shorten(line)}`)
}

function shorten(line: string): string {
  return line.length > 100 ? `${line.slice(0, 99)}…` : line
}

/** Shows what a host says to the next server, and hears from it. */
export function dialogueLogger(hostname: string): Logger {
  return {
    debug: (fields, message) => {
      const { line } = fields as { line?: unknown }
      if (line !== undefined) tell(`${hostname} ${message === 'sent' ? '→' : '←'} ${String(line)}`)
    },
    info: () => {},
    warn: () => {},
    error: (fields, message) => console.error(message, fields),
  }
}
