import type { Quota } from '../accounts/accounts.js'
import type { Reply } from '../core/reply.js'
import { replies } from '../smtp/reply.js'
import type { Usage } from '../storage/mail-storage.js'
import { serverReplies } from './replies.js'
import type { Session } from './session.js'
import type { AcceptingRoute } from './transaction.js'

/** Whether the mailboxes of a route have room for a message of `size` octets: what the client is told if not. */
export function checkQuota(
  session: Session,
  route: AcceptingRoute,
  size: number,
): Promise<Reply | undefined> | undefined {
  return route.local.some(target => target.quota !== undefined) ? askUsage(session, route, size) : undefined
}

async function askUsage(session: Session, route: AcceptingRoute, size: number): Promise<Reply | undefined> {
  for (const { account, quota } of route.local) {
    if (!quota) continue
    const usage = await session.ask('storage', () => session.server.storage.mail.usage(account))
    const refusal = judge(quota, usage, size)
    if (refusal) return refusal
  }
  return undefined
}

function judge(quota: Quota, usage: Usage, size: number): Reply | undefined {
  const { bytes = Number.POSITIVE_INFINITY, messages = Number.POSITIVE_INFINITY } = quota
  if (size > bytes) return serverReplies.fullForever
  // A mailbox that is full takes no further message, of whatever size.
  const full = usage.bytes + size > bytes || usage.bytes >= bytes || usage.messages >= messages
  return full ? replies.mailboxFull : undefined
}
