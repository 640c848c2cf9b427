import type { Clock } from '../../../src/core/clock.js'
import type { Transport } from '../../../src/delivery/transport.js'
import { createDeliveryQueue } from '../../../src/queue/create-delivery-queue.js'
import type { DeliveryQueue } from '../../../src/queue/delivery-queue.js'
import type { DeliveryQueueOptions } from '../../../src/queue/options.js'
import type { Storage } from '../../../src/storage/storage.js'
import { killed } from './simulated-site.js'

type Machine = DeliveryQueueOptions & { clock: Clock; storage: Storage; transport: Transport }

/** A process with a queue that can be killed: from one instant on it does nothing more, and hears of nothing. */
export interface SimulatedWorker {
  readonly queue: DeliveryQueue
  readonly alive: boolean
  /** Answers how many deliveries it was in the middle of. */
  kill(): number
}

/** Starts a worker on what the machine has; `listen` is called with its queue. */
export function openWorker({ clock, storage, transport, ...options }: Machine): SimulatedWorker {
  const life = new AbortController()
  const { signal } = life
  let underWay = 0
  const queue = createDeliveryQueue({
    ...options,
    clock: {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      schedule: (delay, action) => clock.schedule(delay, () => signal.aborted || action()),
      track: work => clock.track(work),
    },
    storage: mortal(storage, signal),
    transport: {
      ...transport,
      deliver: async (delivery, end) => {
        underWay++
        try {
          return await transport.deliver(delivery, AbortSignal.any([end, signal]))
        } finally {
          underWay--
        }
      },
    },
  })
  return {
    queue,
    get alive() {
      return !signal.aborted
    },
    kill() {
      const cut = underWay
      life.abort(killed)
      return cut
    },
  }
}

/** An object whose methods, and those of its parts, never answer once the process is dead. */
function mortal<T extends object>(target: T, signal: AbortSignal): T {
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name)
      if (typeof value === 'object' && value !== null) return mortal(value, signal)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => (signal.aborted ? new Promise(() => {}) : value.apply(object, args))
    },
  })
}
