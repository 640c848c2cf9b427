import type { Envelope, EnvelopeRecipient } from '../../core/envelope.js'
import type { MessageSource } from '../../message/message-source.js'
import { localVerdict, type Verdict } from '../verdict.js'
import { sizeLimit } from './extensions.js'
import type { SmtpSession } from './smtp-session.js'

/** What is to be sent in one transaction. */
export interface Mail {
  readonly envelope: Omit<Envelope, 'recipients'>
  readonly recipients: readonly EnvelopeRecipient[]
  readonly message: MessageSource
}

/**
 * Why a server cannot be given this message at all, by what it offers; `undefined` when it can.
 *
 * A message declared 8BITMIME goes also to a server that does not offer that, as it is: RFC 6152 §3 would have it
 * converted, which breaks its signatures, or returned, while servers that are not clean for 8 bits have died out. Exim
 * does the same.
 */
export async function missingForMessage(mail: Mail, session: SmtpSession): Promise<Verdict | undefined> {
  const { envelope, message } = mail
  const { extensions } = session
  if (!isCleanAddress(envelope.sender)) {
    return localVerdict('failed', 'message', '5.1.7', "the sender's address holds control characters")
  }
  if (lacksRequireTls(envelope, session)) {
    // RFC 8689 §4.2.1: another host may still do.
    return localVerdict('failed', 'host', '5.7.30', 'the server does not support REQUIRETLS')
  }
  if (!extensions.has('SMTPUTF8') && (await needsUtf8(mail, session))) {
    return localVerdict(
      'failed',
      'message',
      '5.6.7',
      'the message needs SMTPUTF8, which the server does not support',
    )
  }
  if (envelope.body === 'binarymime') {
    // RFC 3030 §3: never without BDAT.
    return localVerdict('failed', 'message', '5.6.3', 'a BINARYMIME message cannot be sent with DATA')
  }
  const limit = sizeLimit(extensions)
  if (limit !== undefined && message.size > limit) {
    const reason = `the message has ${message.size} octets, the server takes ${limit} at most`
    return localVerdict('failed', 'message', '5.3.4', reason)
  }
  return undefined
}

/**
 * Whether a server does not promise to keep a message encrypted that must be, and should. A bounce is not lost for that
 * (RFC 8689 §5), but goes over a proven way all the same; the last step, by LMTP over a unix socket, crosses no wire.
 */
function lacksRequireTls({ requireTls, sender }: Mail['envelope'], session: SmtpSession): boolean {
  const { extensions, local } = session
  return requireTls === true && sender !== '' && !local && !extensions.has('REQUIRETLS')
}

/** Why a recipient cannot be named to this server; `undefined` when it can. */
export function missingForRecipient(recipient: EnvelopeRecipient, session: SmtpSession): Verdict | undefined {
  if (!isCleanAddress(recipient.address)) {
    return localVerdict('failed', 'recipient', '5.1.3', 'the address holds control characters')
  }
  if (!isAscii(recipient.address) && !session.extensions.has('SMTPUTF8')) {
    return localVerdict(
      'failed',
      'recipient',
      '5.6.7',
      'the address needs SMTPUTF8, which the server does not support',
    )
  }
  return undefined
}

/** Whether sender or header cannot do without SMTPUTF8: many clients ask for it where there is nothing but ASCII. */
async function needsUtf8({ envelope, message }: Mail, { wire }: SmtpSession): Promise<boolean> {
  if (!isAscii(envelope.sender)) return true
  if (envelope.smtputf8 !== true) return false
  // A source that stalls must not outlast the connection, whose failure is found when it is spoken to.
  return (await Promise.race([isHeaderAscii(message), wire.broken()])) === false
}

async function isHeaderAscii(message: MessageSource): Promise<boolean> {
  let last = ''
  for await (const chunk of message.open()) {
    const text = last + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
    const end = text.search(/\r?\n\r?\n/)
    if (!isAscii(end === -1 ? text : text.slice(0, end))) return false
    if (end !== -1) return true
    last = text.slice(-3)
  }
  return true
}

/** Whether an address cannot end the command it stands in. */
function isCleanAddress(address: string): boolean {
  return !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(address)
}

/** Whether a text fits into a command without SMTPUTF8. */
export function isAscii(text: string): boolean {
  return !/[^\u0000-\u007f]/.test(text)
}
