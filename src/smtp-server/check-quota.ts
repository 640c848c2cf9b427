import { judgeQuota } from '../accounts/judge-quota.js'
import type { Reply } from '../core/reply.js'
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
    const usage = await session.handlers.ask('storage', () => session.server.storage.mail.usage(account))
    const refusal = judgeQuota(quota, usage, size)
    if (refusal) return refusal
  }
  return undefined
}
