import { MailError } from '../core/error.js'
import type { UidRange } from '../storage/mail-storage.js'
import type { Uids } from './mail-store.js'

/**
 * UIDs as a list, in the order given.
 * @throws MailError `OPTION_INVALID` for what is no UID.
 */
export function uidList(uids: Uids): readonly number[] {
  const list = typeof uids === 'number' ? [uids] : uids
  if (Array.isArray(list) && list.every(isUid)) return list
  throw new MailError(
    'OPTION_INVALID',
    `uids: got ${JSON.stringify(uids)?.slice(0, 80)}, expected a UID or a list of them`,
  )
}

/** UIDs as the fewest ranges, ascending. */
export function uidRanges(uids: Uids): UidRange[] {
  const ranges: { from: number; to: number }[] = []
  for (const uid of [...uidList(uids)].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last && uid <= last.to + 1) last.to = uid
    else ranges.push({ from: uid, to: uid })
  }
  return ranges
}

function isUid(uid: unknown): boolean {
  return Number.isSafeInteger(uid) && Number(uid) > 0
}
