import { MailError } from '../../core/error.js'
import { immediately } from './real-timer.js'
import { tellUnrest } from './server-report.js'
import { Wait } from './wait.js'
import type { WaitWorld } from './wait-world.js'

/** Turns of the event loop in which a connection that was begun reaches the server. */
const turns = 10

/** Waits until sessions, queue and hooks of a server have come to rest. */
export async function untilIdle(world: WaitWorld, timeout: number, signal?: AbortSignal): Promise<void> {
  const { sessions, log, queue, closed } = world
  let happened = 0
  const wait = new Wait(timeout, [closed, ...(signal ? [signal] : [])])
  const note = () => {
    happened++
    wait.wake()
  }
  const stops = [sessions.onChange(note), log.onArrival(note)]
  try {
    for (;;) {
      const news = wait.next()
      if (closed.aborted) throw new MailError('CLOSED', 'the test mail was closed while a test waited')
      if (signal?.aborted) throw new MailError('ABORTED', 'the wait for rest was aborted')
      if (wait.over) throw new MailError('TIMEOUT', await tellUnrest(world, timeout))
      if (sessions.busy.length > 0) await news
      else {
        // News may be that the time is up, which is no rest.
        const rest = Promise.race([queue.idle().then(() => true), news.then(() => false)])
        if (await restsWith(() => happened, rest)) return
      }
    }
  } finally {
    wait.end()
    for (const stop of stops) stop()
  }
}

/** Whether nothing happens until `rest`, and some turns of the event loop after it. */
async function restsWith(happened: () => number, rest: Promise<boolean>): Promise<boolean> {
  const before = happened()
  if (!(await rest)) return false
  for (let turn = 0; turn < turns && happened() === before; turn++) {
    await new Promise(resolve => immediately(resolve))
  }
  return happened() === before
}

/**
 * Lets sessions go on as long as they have something to say: until nothing happened in some turns of the event loop. One
 * that was left in the middle is not waited for.
 */
export async function untilQuiet(
  { sessions, log }: Pick<WaitWorld, 'sessions' | 'log'>,
  timeout: number,
): Promise<void> {
  let quiet = 0
  const note = () => {
    quiet = 0
  }
  const wait = new Wait(timeout, [])
  const stops = [sessions.onChange(note), log.onArrival(note)]
  try {
    while (quiet++ < turns && !wait.over) await new Promise(resolve => immediately(resolve))
  } finally {
    wait.end()
    for (const stop of stops) stop()
  }
}
