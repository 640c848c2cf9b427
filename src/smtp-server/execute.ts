import { escapeControls } from '../core/escape-controls.js'
import { serverReplies } from './replies.js'
import type { LineHandler, Session } from './session.js'
import type { Verb } from './verb.js'
import { auth } from './verbs/auth.js'
import { data } from './verbs/data.js'
import { ehlo, helo, lhlo } from './verbs/hello.js'
import { help } from './verbs/help.js'
import { mail } from './verbs/mail.js'
import { noop } from './verbs/noop.js'
import { quit } from './verbs/quit.js'
import { rcpt } from './verbs/rcpt.js'
import { rset } from './verbs/rset.js'
import { startTls } from './verbs/starttls.js'
import { expn, vrfy } from './verbs/vrfy.js'

const verbs: ReadonlyMap<string, Verb> = new Map([
  ['EHLO', ehlo],
  ['HELO', helo],
  ['LHLO', lhlo],
  ['STARTTLS', startTls],
  ['AUTH', auth],
  ['MAIL', mail],
  ['RCPT', rcpt],
  ['DATA', data],
  ['RSET', rset],
  ['NOOP', noop],
  ['VRFY', vrfy],
  ['EXPN', expn],
  ['HELP', help],
  ['QUIT', quit],
])

/** Control characters, and what stands for octets that are no UTF-8. */
const unfit = /[\u0000-\u001f\u007f-\u009f\ufffd]/

/**
 * Works on one line of a client. Returns a promise when the work is not done at once; the next line must wait for it.
 * It never rejects.
 */
export function execute(session: Session, line: string): void | Promise<void> {
  if (!session.countCommand()) return
  const { nextLine } = session
  session.nextLine = undefined
  session.tellLine('client', () => shownLine(line, nextLine !== undefined))
  if (nextLine) return run(session, 'AUTH', nextLine, line)
  const text = line.trimEnd()
  if (unfit.test(text)) return session.reply(serverReplies.badCharacters)
  const space = text.indexOf(' ')
  const name = (space < 0 ? text : text.slice(0, space)).toUpperCase()
  const verb = verbs.get(name)
  if (verb)
    return run(session, name, argument => verb(session, argument), space < 0 ? '' : text.slice(space + 1))
  // A web page that makes a browser post to a mail server must get nowhere.
  if (/ HTTP\/\d/.test(text)) return session.hangUp(serverReplies.notHttp, 'limit')
  session.reply(serverReplies.unknownCommand)
}

/** A line as transcripts may have it: what AUTH says after its mechanism is a secret. */
function shownLine(line: string, isCredential: boolean): string {
  if (isCredential) return '[credentials]'
  return escapeControls(line.trimEnd().replace(/^(\s*AUTH\s+\S+\s).+$/is, '$1[credentials]'))
}

function run(session: Session, name: string, handler: LineHandler, argument: string): void | Promise<void> {
  try {
    const work = handler(argument)
    if (work === undefined) return session.awaitCommand()
    session.beginWork()
    return session.server.settings.clock.track(finish(session, name, work))
  } catch (error) {
    session.failCommand(name, error)
  }
}

async function finish(session: Session, name: string, work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!session.ended) session.failCommand(name, error)
  }
  if (!session.ended) session.awaitCommand()
}
