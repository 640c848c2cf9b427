import type { Envelope } from '../core/envelope.js'
import type { Reply } from '../core/reply.js'
import { decodeXtext } from '../smtp/xtext.js'
import { serverReplies } from './replies.js'
import type { Session } from './session.js'

/** What the parameters of MAIL say. */
export interface MailParameters {
  readonly mail: Omit<Envelope, 'recipients' | 'sender'>
  /** SIZE (RFC 1870 §6), 0 when it is absent. */
  readonly size: number
}

/** The parameters are not taken, and why. */
export interface Refused {
  readonly refused: Reply
}

/** Tells a refusal from what was read. */
export function isRefused(result: object): result is Refused {
  return 'refused' in result
}

type Draft = { -readonly [Key in keyof MailParameters['mail']]: MailParameters['mail'][Key] } & {
  size: number
}

/** Reads one parameter into the draft. `false`: its value is wrong. */
type Reader = (draft: Draft, value: string | undefined, session: Session) => boolean

/** RFC 3461 §4.4 allows 100 characters of xtext. */
const longestEnvid = 100

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['SIZE', readSize],
  ['BODY', readBody],
  ['SMTPUTF8', flagReader('smtputf8')],
  ['REQUIRETLS', flagReader('requireTls')],
  ['RET', readRet],
  ['ENVID', readEnvid],
  // RFC 4954 §5: whom the message is from, as far as another server knows. Nobody here trusts it.
  ['AUTH', (_, value) => value !== undefined && (value === '<>' || decodeXtext(value) !== undefined)],
])

/** Reads the parameters of MAIL. */
export function readMailParameters(
  session: Session,
  parameters: ReadonlyMap<string, string | undefined>,
): MailParameters | Refused {
  const draft: Draft = { size: 0 }
  for (const [name, value] of parameters) {
    const reader = readers.get(name)
    // REQUIRETLS is offered on encrypted connections only (RFC 8689 §2), and nothing is offered without EHLO.
    const offered = session.extended && (name !== 'REQUIRETLS' || session.tls !== undefined)
    if (!reader || !offered) return { refused: serverReplies.unknownParameter }
    if (!reader(draft, value, session)) return { refused: serverReplies.badSyntax }
  }
  const { size, ...mail } = draft
  return { mail, size }
}

function flagReader(flag: 'smtputf8' | 'requireTls'): Reader {
  return (draft, value) => {
    draft[flag] = true
    return value === undefined
  }
}

function readSize(draft: Draft, value = ''): boolean {
  draft.size = Number(value)
  return /^\d{1,20}$/.test(value)
}

function readBody(draft: Draft, value = ''): boolean {
  const body = value.toLowerCase()
  if (body !== '7bit' && body !== '8bitmime') return false
  draft.body = body
  return true
}

function readRet(draft: Draft, value = ''): boolean {
  const ret = value.toLowerCase()
  if (ret !== 'full' && ret !== 'hdrs') return false
  draft.ret = ret
  return true
}

function readEnvid(draft: Draft, value = ''): boolean {
  const envid = value.length <= longestEnvid ? decodeXtext(value) : undefined
  if (!envid) return false
  draft.envid = envid
  return true
}
