import { isIPv6 } from 'node:net'
import { tryParseAddress } from '../../core/address.js'
import { tryNormalizeDomainPattern } from '../../core/domain.js'
import { MailError } from '../../core/error.js'
import type { AttemptRecord } from '../../storage/queue-storage.js'

/** Whether an address, `''` included, is one a pattern means. */
export type AddressTest = (address: string) => boolean

/**
 * Reads an Exim pattern: `*` for all, `example.test`, `*.example.test`, `user@example.test`, `*@example.test`; an empty
 * one, or `:`, for the null sender.
 */
export function readPattern(pattern: string): AddressTest {
  if (pattern === '*') return () => true
  if (pattern === '' || pattern === ':') return address => address === ''
  if (/[\s^\\$()]/.test(pattern) || pattern.slice(1).includes('*')) {
    const got = JSON.stringify(pattern.slice(0, 200))
    throw new MailError('OPTION_INVALID', `eximRules: expected a domain, an address or *.domain, got ${got}`)
  }
  const wanted = normalPattern(pattern)
  const whole = wanted.includes('@')
  const ending = wanted.startsWith('*') ? wanted.slice(1) : undefined
  return address => {
    const subject = whole ? address.toLowerCase() : (tryParseAddress(address)?.domain ?? '')
    return ending === undefined ? subject === wanted : subject.endsWith(ending)
  }
}

/** Lower case, the domain in A-labels where it is one: Exim's `*foo.test` is a mere ending. */
function normalPattern(pattern: string): string {
  const at = pattern.lastIndexOf('@') + 1
  const domain = tryNormalizeDomainPattern(pattern.slice(at)) ?? pattern.slice(at)
  return (pattern.slice(0, at) + domain).toLowerCase()
}

/** Whether an attempt ended as an error name says. */
export type ErrorTest = (outcome: AttemptRecord) => boolean

const replyTo: Readonly<Record<string, readonly string[]>> = {
  mail: ['MAIL FROM'],
  rcpt: ['RCPT TO'],
  data: ['DATA', 'the message'],
}

const named: ReadonlyMap<string, ErrorTest> = new Map<string, ErrorTest>([
  ['*', () => true],
  ['auth_failed', ({ command }) => command === 'AUTH'],
  ['refused', outcome => isRefused(outcome)],
  ['refused_A4', outcome => isRefused(outcome) && !isIPv6(outcome.address ?? '')],
  ['refused_A6', outcome => isRefused(outcome) && isIPv6(outcome.address ?? '')],
  ['lost_connection', outcome => isLost(outcome) && !isTimeout(outcome)],
  ['timeout', isTimeout],
  ['timeout_DNS', ({ enhanced }) => enhanced === '4.4.3'],
  ['tls_required', ({ enhanced }) => enhanced === '4.7.4' || enhanced === '4.7.5'],
  ['quota', ({ reply }) => /^[45]\.2\.2$/.test(reply?.enhanced ?? '') || reply?.code === 552],
])

/**
 * Reads the name of an error: `*`, `auth_failed`, `lost_connection`, `quota`, `refused`, `refused_A4`, `refused_A6`,
 * `timeout`, `timeout_DNS`, `tls_required`, and `mail_4xx`, `rcpt_4xx`, `data_4xx` with digits or `x` behind the 4.
 */
export function readError(name: string): ErrorTest {
  const known = named.get(name)
  if (known) return known
  const [, verb = '', code = ''] = /^(mail|rcpt|data)_(4[0-9x]{2})$/.exec(name) ?? []
  const commands = replyTo[verb]
  if (!commands) {
    const names = [...named.keys(), 'mail_4xx', 'rcpt_4xx', 'data_4xx'].join(', ')
    throw new MailError('OPTION_INVALID', `eximRules: expected one of ${names}, got ${JSON.stringify(name)}`)
  }
  const digits = new RegExp(`^${code.replaceAll('x', '\\d')}$`)
  return ({ reply, command = '' }) => commands.includes(command) && digits.test(String(reply?.code))
}

function isRefused({ enhanced, reason }: AttemptRecord): boolean {
  return enhanced === '4.4.1' && reason.includes('ECONNREFUSED')
}

function isLost({ status, enhanced }: AttemptRecord): boolean {
  return status === 'unknown' || enhanced === '4.4.2'
}

/** Deadlines are told by the words of this side: a 4.4.2 of RFC 3463 is a lost connection as well. */
function isTimeout({ enhanced, reason }: AttemptRecord): boolean {
  return (enhanced === '4.4.2' && reason.includes(' took longer than ')) || reason.includes('ETIMEDOUT')
}
