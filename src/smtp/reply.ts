import type { Reply } from '../core/reply.js'

/** Makes a {@link Reply}. */
export function reply(code: number, enhanced: string | undefined, text: string | readonly string[]): Reply {
  return enhanced === undefined ? { code, text } : { code, enhanced, text }
}

/**
 * The wire form of a reply (RFC 5321 §4.2, with the enhanced code on every line by RFC 2034 §4), CRLF
 * included. Control characters in the text become spaces, so a reply cannot be split.
 */
export function formatReply(answer: Reply): string {
  const lines = typeof answer.text === 'string' ? [answer.text] : answer.text
  const prefix = answer.enhanced === undefined ? '' : `${answer.enhanced} `
  let wire = ''
  for (let index = 0; index < lines.length; index++) {
    const mark = index < lines.length - 1 ? '-' : ' '
    wire += `${answer.code}${mark}${prefix}${cleanText(lines[index] ?? '')}\r\n`
  }
  return wire === '' ? `${answer.code} ${prefix}\r\n` : wire
}

/** The reply on one line for people and DSNs: `550 5.1.1 no such user`. */
export function describeReply(answer: Reply): string {
  return formatReply({ ...answer, text: replyText(answer) }).trimEnd()
}

/** The text of a reply on one line. */
export function replyText(answer: Reply): string {
  return typeof answer.text === 'string' ? answer.text : answer.text.join(' ')
}

/** Text in which control characters, line breaks among them, are spaces. */
export function cleanText(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ')
}

/**
 * The replies of this package that several parts give. RFC 5321 §4.2.3 names the codes, RFC 3463 and RFC 7505 the
 * enhanced ones.
 */
export const replies = {
  localError: reply(451, '4.3.0', 'Local error in processing, try again later'),
  storageFull: reply(452, '4.3.1', 'Insufficient system storage, try again later'),
  noSuchUser: reply(550, '5.1.1', 'No such user here'),
  relayDenied: reply(550, '5.7.1', 'Relaying denied'),
  tooManyHops: reply(554, '5.4.6', 'Too many hops, this message is going in a circle'),
  mailboxFull: reply(452, '4.2.2', 'Mailbox full, try again later'),
  fullForever: reply(552, '5.2.2', 'Message is larger than the mailbox'),
  tooLarge: reply(552, '5.3.4', 'Message is larger than this server accepts'),
} as const satisfies Record<string, Reply>
