import type { Reply } from '../core/reply.js'
import { replies } from '../smtp/reply.js'
import type { Usage } from '../storage/mail-storage.js'
import type { Quota } from './accounts.js'

/**
 * Whether an account that keeps `usage` has room for a message of `size` octets: the reply if not, 552 where it could not
 * hold the message if it were empty, otherwise 452 (RFC 5321 §4.2.2, RFC 3463 §3.3).
 */
export function judgeQuota(quota: Quota, usage: Usage, size: number): Reply | undefined {
  const { bytes = Number.POSITIVE_INFINITY, messages = Number.POSITIVE_INFINITY } = quota
  if (size > bytes) return replies.fullForever
  // A mailbox that is full takes no further message, of whatever size.
  const full = usage.bytes + size > bytes || usage.bytes >= bytes || usage.messages >= messages
  return full ? replies.mailboxFull : undefined
}
