import { isIPv6 } from 'node:net'
import { addressKey, tryParseAddress } from '../../core/address.js'
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
  const wanted = normalPattern(pattern)
  if (wanted === undefined) {
    const got = JSON.stringify(pattern.slice(0, 200))
    throw new MailError('OPTION_INVALID', `eximRules: expected a domain, an address or *.domain, got ${got}`)
  }
  const whole = wanted.includes('@')
  const ending = wanted.startsWith('*') ? wanted.slice(1) : undefined
  return address => {
    const parsed = tryParseAddress(address)
    const subject = parsed && (whole ? addressKey(parsed) : parsed.domain)
    return ending === undefined ? subject === wanted : subject?.endsWith(ending) === true
  }
}

/**
 * Lower case, the domain in A-labels where it is one: Exim's `*foo.test` is a mere ending. `undefined` for what is no such
 * pattern, as lookups, lists, negations and regular expressions are.
 */
function normalPattern(pattern: string): string | undefined {
  if (/["\s^\\$()]|^!|.\*/.test(pattern)) return undefined
  const at = pattern.lastIndexOf('@') + 1
  const [local, place] = [pattern.slice(0, at), pattern.slice(at)]
  const isEnding = at === 0 && /^\*[\w-][\w.-]*$/.test(place)
  const domain = tryNormalizeDomainPattern(place) ?? (isEnding ? place : undefined)
  return domain === undefined ? undefined : (local + domain).toLowerCase()
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
  [
    'timeout_connect',
    outcome => isTimeout(outcome) && /^(?:connecting|cannot connect) to /.test(outcome.reason),
  ],
  ['timeout_DNS', isLookup],
  ['lookup', isLookup],
  ['tls_required', ({ enhanced }) => enhanced === '4.7.4' || enhanced === '4.7.5'],
  ['quota', ({ reply }) => /^[45]\.2\.2$/.test(reply?.enhanced ?? '') || reply?.code === 552],
])

/**
 * Reads the name of an error: `*`, `auth_failed`, `lookup`, `lost_connection`, `quota`, `refused`, `refused_A4`,
 * `refused_A6`, `timeout`, `timeout_connect`, `timeout_DNS`, `tls_required`, and `mail_4xx`, `rcpt_4xx`, `data_4xx` with digits or `x` behind the 4.
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

/** Told by the words of this side, not by those of a server: a 4.4.2 of RFC 3463 is a lost connection as well. */
function isTimeout({ enhanced, reason, reply }: AttemptRecord): boolean {
  if (reply) return false
  return (enhanced === '4.4.2' && reason.includes(' took longer than ')) || reason.includes('ETIMEDOUT')
}

function isLookup({ enhanced }: AttemptRecord): boolean {
  return enhanced === '4.4.3'
}
