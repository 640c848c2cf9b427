import type { VirtualClock } from '../../core/virtual-clock.js'
import type { MailServer } from '../../mail-server.js'

/** Sessions have a grace period, and deliveries one after them. */
const gracePeriods = 2

/**
 * Closes a server. Its grace period is one of the virtual clock, which nobody else may move any more: it is let pass
 * here, as far as it is needed. Where fake timers of a test keep the clock from moving, there is none.
 * @param grace - in milliseconds
 */
export async function closeServer(server: MailServer, clock: VirtualClock, grace: number): Promise<void> {
  const passes = grace > 0 && (await settles(clock))
  let over = false
  const closed = server.close({ grace: passes ? grace : 0 }).then(() => {
    over = true
  })
  if (passes) await Promise.race([closed, settles(clock)])
  for (let period = 0; passes && !over && period < gracePeriods; period++) {
    await Promise.race([closed, clock.advance(grace)])
  }
  await closed
}

/** Whether a clock came to rest. */
function settles(clock: VirtualClock): Promise<boolean> {
  return clock.settled().then(
    () => true,
    () => false,
  )
}
