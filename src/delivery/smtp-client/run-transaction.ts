import type { EnvelopeRecipient } from '../../core/envelope.js'
import { MailError } from '../../core/error.js'
import type { Reply } from '../../core/reply.js'
import { errorVerdict, replyVerdict, unknownVerdict, type Verdict } from '../verdict.js'
import { mailCommand, rcptCommand } from './envelope-commands.js'
import { isAscii, type Mail, missingForMessage, missingForRecipient } from './requirements.js'
import { sendData } from './send-data.js'
import type { SmtpSession } from './smtp-session.js'
import type { PhaseTimeouts } from './timeouts.js'

/** What came of a transaction. */
export interface TransactionResult {
  /** What became of recipients, by their address. Those that are not in it may be offered to another host. */
  readonly verdicts: Map<string, Verdict>
  /** Why the host took no more of it. */
  readonly fault?: Verdict
  /** Whether it broke down before the server answered anything, as a connection does that was kept too long. */
  readonly stale?: boolean
}

/**
 * Sends one message over a session (RFC 5321 §3.3). Never throws; a session that cannot go on has a wire that failed.
 * With PIPELINING (RFC 2920), RSET, MAIL, every RCPT and DATA leave in one write.
 */
export async function runTransaction(
  session: SmtpSession,
  mail: Mail,
  timeouts: PhaseTimeouts,
): Promise<TransactionResult> {
  const transaction = new Transaction(session, mail, timeouts)
  try {
    await transaction.run()
  } catch (thrown) {
    transaction.breakDown(thrown)
  }
  return transaction.result()
}

class Transaction {
  readonly #session: SmtpSession
  readonly #mail: Mail
  readonly #timeouts: PhaseTimeouts
  readonly #pipelined: boolean
  readonly #verdicts = new Map<string, Verdict>()
  #fault: Verdict | undefined
  #answered = false
  #dotSent = false
  /** Recipients the server took. */
  #taken: EnvelopeRecipient[] = []

  constructor(session: SmtpSession, mail: Mail, timeouts: PhaseTimeouts) {
    this.#session = session
    this.#mail = mail
    this.#timeouts = timeouts
    this.#pipelined = session.extensions.has('PIPELINING')
  }

  async run(): Promise<void> {
    const recipients = await this.#presentable()
    if (recipients.length === 0) return
    this.#session.transactions++
    const { wire, extensions, needsReset } = this.#session
    const mail = this.#mailCommand(recipients)
    const rcpts = recipients.map(recipient => rcptCommand(recipient, extensions))
    this.#session.needsReset = true
    if (this.#pipelined) wire.send([...(needsReset ? ['RSET'] : []), mail, ...rcpts, 'DATA'])
    if (needsReset) await this.#forgetLast()
    if (!(await this.#sayMail(mail, recipients))) return
    if (!(await this.#sayRcpts(rcpts, recipients))) return
    if (this.#pipelined || this.#taken.length > 0) await this.#sayData()
  }

  result(): TransactionResult {
    const stale = !this.#answered && this.#session.wire.failure !== undefined
    const result = { verdicts: this.#verdicts, ...(stale && { stale }) }
    return this.#fault ? { ...result, fault: this.#fault } : result
  }

  /** The conversation failed: after the final dot nothing is known of the message; before it, nothing was taken. */
  breakDown(thrown: unknown): void {
    const { wire } = this.#session
    if (this.#dotSent) this.#judge(this.#unanswered(), unknownVerdict(thrown))
    else this.#fault = errorVerdict(wire.failure ?? thrown)
    wire.fail(new MailError('CONNECTION_LOST', 'the connection was given up', { temporary: true }))
  }

  /** The recipients that can be named to this server; the others are judged, all of them when the message cannot be sent. */
  async #presentable(): Promise<EnvelopeRecipient[]> {
    const missing = await missingForMessage(this.#mail, this.#session)
    if (missing?.scope === 'host') this.#fault = missing
    else if (missing) this.#judge(this.#mail.recipients, missing)
    if (missing) return []
    return this.#mail.recipients.filter(recipient => {
      const problem = missingForRecipient(recipient, this.#session)
      if (problem) this.#verdicts.set(recipient.address, problem)
      return !problem
    })
  }

  #mailCommand(recipients: readonly EnvelopeRecipient[]): string {
    const { envelope, message } = this.#mail
    const smtputf8 =
      this.#session.extensions.has('SMTPUTF8') &&
      (envelope.smtputf8 === true ||
        ![envelope.sender, ...recipients.map(({ address }) => address)].every(isAscii))
    return mailCommand({ envelope, size: message.size, smtputf8 }, this.#session.extensions)
  }

  #ask(command: string, limit: number, name: string): Promise<Reply> {
    if (!this.#pipelined) this.#session.wire.send([command])
    return this.#reply(limit, name, command === 'DATA' ? 3 : 2)
  }

  /** A reply of class `positive`, 4 or 5. With any other, replies and commands no longer belong together. */
  async #reply(limit: number, name: string, positive: 2 | 3): Promise<Reply> {
    const reply = await this.#session.wire.reply(limit, name)
    this.#answered ||= reply.code !== 421
    if (reply.code >= 400 || Math.floor(reply.code / 100) === positive) return reply
    throw new MailError('PROTOCOL', `the server replied to ${name} with ${reply.code}`)
  }

  /** A server that does not forget the last transaction is of no more use, and says nothing of this one. */
  async #forgetLast(): Promise<void> {
    const { wire } = this.#session
    if (!this.#pipelined) wire.send(['RSET'])
    const reply = await wire.reply(this.#timeouts.mail, 'RSET')
    if (reply.code >= 300) throw new MailError('PROTOCOL', `the server replied to RSET with ${reply.code}`)
  }

  /** Whether to go on. */
  async #sayMail(command: string, recipients: readonly EnvelopeRecipient[]): Promise<boolean> {
    const reply = await this.#ask(command, this.#timeouts.mail, 'MAIL')
    // RFC 4954 §6, RFC 3207 §4: 530 wants a login or TLS first, whatever the message is.
    if (reply.code === 421 || reply.code === 530) {
      this.#leave(reply, 'MAIL FROM')
      return false
    }
    if (reply.code < 300) return true
    this.#judge(recipients, replyVerdict(reply, 'message', 'MAIL FROM'))
    return this.#pipelined
  }

  async #sayRcpts(commands: readonly string[], recipients: readonly EnvelopeRecipient[]): Promise<boolean> {
    for (const [index, recipient] of recipients.entries()) {
      const reply = await this.#ask(commands[index] ?? '', this.#timeouts.rcpt, 'RCPT')
      if (this.#isShuttingDown(reply, 'RCPT TO')) return false
      if (this.#verdicts.has(recipient.address)) continue
      if (reply.code < 300) this.#taken.push(recipient)
      else this.#verdicts.set(recipient.address, rcptVerdict(reply))
    }
    return true
  }

  async #sayData(): Promise<void> {
    const reply = await this.#ask('DATA', this.#timeouts.data, 'DATA')
    if (this.#isShuttingDown(reply, 'DATA')) return
    if (reply.code >= 400) this.#judge(this.#taken, replyVerdict(reply, 'message', 'DATA'))
    else if (this.#taken.length === 0) await this.#sendNothing()
    else await this.#sendMessage()
  }

  /** RFC 2920 §3.1: a server that wants data for nobody is given a lone dot. */
  async #sendNothing(): Promise<void> {
    if (this.#session.lmtp) {
      // RFC 2033 §4.2: DATA for nobody is refused, and a dot for nobody would be answered by nothing.
      throw new MailError('PROTOCOL', 'the server wants a message for nobody')
    }
    this.#session.wire.writeEnd(Buffer.from('.\r\n'))
    await this.#session.wire.reply(this.#timeouts.dot, 'the final dot')
  }

  async #sendMessage(): Promise<void> {
    const { wire } = this.#session
    const { lmtp } = this.#session
    const replies = lmtp ? this.#taken.length : 1
    const sent = await sendData(wire, this.#mail.message, this.#timeouts.block, replies)
    this.#dotSent = sent === 'sent'
    if (sent !== 'sent') return this.#heedInterruption()
    if (lmtp) return this.#hearEachRecipient()
    const reply = await this.#reply(this.#timeouts.dot, 'the final dot', 2)
    if (this.#isShuttingDown(reply, 'the message')) return
    this.#judgeMessage(reply)
    this.#session.needsReset = false
  }

  /** RFC 2033 §4.2: one reply for each recipient that was taken, in their order. */
  async #hearEachRecipient(): Promise<void> {
    for (const recipient of this.#taken) {
      const reply = await this.#reply(this.#timeouts.dot, 'the final dot', 2)
      this.#judgeMessage(reply, [recipient], 'recipient')
    }
    this.#session.needsReset = false
  }

  #unanswered(): EnvelopeRecipient[] {
    return this.#taken.filter(({ address }) => !this.#verdicts.has(address))
  }

  /** A server that refuses a message before its end has refused it; one that accepts it has lost its way. */
  #heedInterruption(): void {
    const reply = this.#session.wire.early
    if (!reply || reply.code < 400)
      throw new MailError('PROTOCOL', 'the server replied in the middle of the message')
    if (reply.code === 421) this.#fault = replyVerdict(reply, 'host', 'the message')
    else this.#judgeMessage(reply)
    // Cut off: QUIT would stand in the message.
    this.#session.wire.fail(new MailError('PROTOCOL', 'the server broke into the message'))
  }

  #judgeMessage(reply: Reply, recipients = this.#taken, scope: Verdict['scope'] = 'message'): void {
    const verdict = replyVerdict(reply, scope, 'the message')
    const { extensions, lmtp } = this.#session
    // RFC 2033 §3: who speaks LMTP has no queue, and answers for the mailbox.
    const success = { dsnPassedOn: extensions.has('DSN'), ...(lmtp && { final: true }) }
    this.#judge(recipients, verdict.status === 'delivered' ? { ...verdict, ...success } : verdict)
  }

  /** 421 at any point: the host is going away (RFC 5321 §3.8), which says nothing about the message. */
  #isShuttingDown(reply: Reply, to: string): boolean {
    if (reply.code === 421) this.#leave(reply, to)
    return reply.code === 421
  }

  #leave(reply: Reply, to: string): void {
    this.#fault = replyVerdict(reply, 'host', to)
    this.#session.wire.quit()
  }

  #judge(recipients: readonly EnvelopeRecipient[], verdict: Verdict): void {
    for (const { address } of recipients) this.#verdicts.set(address, verdict)
  }
}

/** RFC 5321 §4.5.3.1.10: 552 to RCPT is a full transaction, and temporary, as 452 is. */
function rcptVerdict(reply: Reply): Verdict {
  const verdict = replyVerdict(reply, 'recipient', 'RCPT TO')
  return reply.code === 552 && reply.enhanced === undefined ? { ...verdict, status: 'deferred' } : verdict
}
