import type { Envelope } from '../core/envelope.js'
import { MailError } from '../core/error.js'
import type { Reply } from '../core/reply.js'
import { headerOf, readHeader } from '../message/header.js'
import type { MessageSource } from '../message/message-source.js'
import type { MessageSpool, SpooledMessage } from '../message/message-spool.js'
import { bytesSource, concatSources, piecesSource } from '../message/sources.js'
import type { PolicyOutcome } from '../policy/run-policies.js'
import { planBatch } from '../routing/plan-batch.js'
import { replies } from '../smtp/reply.js'
import type { AcceptBatch, AcceptResult } from '../storage/storage.js'
import { addedFields, comesBack } from './added-fields.js'
import { checkQuota } from './check-quota.js'
import { hasPolicy, judgeByPolicies } from './consult-policies.js'
import { checksAuthor, refuseAuthor } from './may-send-as.js'
import { serverReplies } from './replies.js'
import type { Session } from './session.js'
import type { RoutedRecipient, Transaction } from './transaction.js'

/** What became of a message. */
export type MessageOutcome = StoredMessage | RefusedMessage

/** A message of which nothing is stored. */
export interface RefusedMessage {
  readonly stored: false
  readonly reply: Reply
}

/** A message that is durable. */
export interface StoredMessage {
  readonly stored: true
  /** With those recipients for whom it is stored. */
  readonly envelope: Envelope
  readonly size: number
  readonly result: AcceptResult
  /** Recipients for whom it is not, and what they hear: LMTP only. */
  readonly refused: ReadonlyMap<RoutedRecipient, Reply>
}

/** A message that was received whole, and all that is known of it. */
interface Received {
  readonly session: Session
  readonly transaction: Transaction
  readonly message: MessageSource
}

/** Checks a message that was received whole, and makes it durable for its recipients. Resolves once it is. */
export async function acceptMessage(
  session: Session,
  transaction: Transaction,
  spool: MessageSpool,
): Promise<MessageOutcome> {
  let message: SpooledMessage | undefined
  try {
    message = await spool.finish()
    return await check({ session, transaction, message })
  } catch (error) {
    return { stored: false, reply: storageFailure(session, error) }
  } finally {
    void message?.dispose()
  }
}

/** What the client hears of a failure to store, and the event that tells of it. */
export function storageFailure(session: Session, error: unknown): Reply {
  session.handlers.failed('storage', error)
  const full = error instanceof MailError && error.code === 'STORAGE_FULL'
  return full ? replies.storageFull : replies.localError
}

async function check(received: Received): Promise<MessageOutcome> {
  const { session, transaction, message } = received
  const small = message.size <= longestJoined ? message.bytes : undefined
  const header = small ? headerOf(small) : await readHeader(inPieces(message))
  if (header.all('Received').length > session.server.settings.maxHops) return refusal(replies.tooManyHops)
  if (comesBack(transaction, header)) return refusal(replies.tooManyHops)
  const notYours = checksAuthor(session) ? await refuseAuthor(session, header) : undefined
  if (notYours) return refusal(notYours)
  const all = [...transaction.recipients.values()]
  const refused = all.some(hasQuota) ? await overQuota(received, all) : nobody
  const [first] = refused.values()
  if (first && refused.size === all.length) return refusal(first)
  const taken = refused === nobody ? all : all.filter(each => !refused.has(each))
  const envelope = { ...transaction.mail, recipients: taken.map(each => each.recipient) }
  const policed = hasPolicy(session, 'message')
  const verdict = policed ? await judgeMessage(received, envelope) : undefined
  if (verdict?.action === 'refuse') return refusal(verdict.reply)
  if (verdict?.action === 'drop') return drop(session)
  const fields = addedFields(session, transaction, envelope, header, verdict?.headers ?? [])
  return store(received, taken, envelope, fields, refused)
}

/** Octets of a message that may be put in one piece only to look at its header. */
const longestJoined = 64 * 1024

function inPieces(message: MessageSource): MessageSource {
  return { size: message.size, open: range => message.open(range) }
}

const nobody: ReadonlyMap<RoutedRecipient, Reply> = new Map()

function hasQuota({ route }: RoutedRecipient): boolean {
  return route.local.some(target => target.quota !== undefined)
}

function refusal(reply: Reply): MessageOutcome {
  return { stored: false, reply }
}

/** The reply is for those who follow events: the client hears nothing. */
function drop(session: Session): MessageOutcome {
  session.cut('policy')
  return refusal(serverReplies.dropped)
}

/**
 * The recipients who have no room for a message of this size. In SMTP one reply speaks for all of them, so that one
 * which fits some goes to all: quotas may be overrun by one message.
 */
async function overQuota(
  { session, message }: Received,
  recipients: readonly RoutedRecipient[],
): Promise<ReadonlyMap<RoutedRecipient, Reply>> {
  const refused = new Map<RoutedRecipient, Reply>()
  for (const recipient of recipients) {
    const checking = checkQuota(session, recipient.route, message.size)
    const reply = checking && (await checking)
    if (reply) refused.set(recipient, reply)
  }
  const forAll = session.origin.kind === 'lmtp' || refused.size === recipients.length
  return forAll ? refused : new Map()
}

function judgeMessage({ session, message }: Received, envelope: Envelope): Promise<PolicyOutcome> {
  return judgeByPolicies(session, 'message', (policy, view) => policy.message?.(view, envelope, message))
}

async function store(
  { session, transaction, message }: Received,
  taken: readonly RoutedRecipient[],
  envelope: Envelope,
  fields: string,
  refused: ReadonlyMap<RoutedRecipient, Reply>,
): Promise<MessageOutcome> {
  const { traceId } = transaction
  const whole = topped(fields, message)
  const routes = taken.map(each => each.route)
  const batch: AcceptBatch = planBatch({
    id: traceId,
    traceId,
    envelope,
    routes,
    message: whole,
    receivedAt: session.server.settings.clock.now(),
    ...(session.account ? { submitter: session.account.id } : {}),
  })
  const ours = session.account !== undefined || session.mayRelay
  const arrival = { traceId, envelope, ours, routes }
  const result = await session.handlers.ask('storage', () => session.server.accept(batch, arrival))
  return { stored: true, envelope, size: whole.size, result, refused }
}

/** A message with fields on top. What is in memory stays in its pieces: to join them takes as long as to store them. */
function topped(fields: string, message: MessageSource): MessageSource {
  const top = Buffer.from(fields)
  return message.pieces ? piecesSource([top, ...message.pieces]) : concatSources([bytesSource(top), message])
}
