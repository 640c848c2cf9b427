import { createHash } from 'node:crypto'
import type { Clock } from '../../../src/core/clock.js'
import { createVirtualClock } from '../../../src/core/virtual-clock.js'
import type { Delivery, Transport } from '../../../src/delivery/transport.js'
import type { RecipientEvent } from '../../../src/queue/events.js'
import { memoryStorage } from '../../../src/storage/memory/memory-storage.js'
import type { Storage } from '../../../src/storage/storage.js'
import { SeededRandom } from '../../../src/testing/conformance/seeded-random.js'
import { SimulatedSite } from './simulated-site.js'
import { openWorker } from './simulated-worker.js'

const minute = 60_000
const hour = 60 * minute
const domains = 1_000
const sites = 100
/** Messages come in the first two days. */
const arrivals = 48 * hour
const end = 120 * hour

/** Processes on one storage. */
export const workers = 2

/** What each site is promised by all workers together. A rate is kept to by every other site. */
export const promised = { atOnce: 6, messages: 12, per: minute }

/** How long an attempt may take. */
const attemptTimeout = hour
/**
 * For how long one may be passed over: a worker has as many ready for a site as it may have under way, and begins the last
 * of them when those before it have ended, each of which may hang.
 */
export const longestPassedOver = (promised.atOnce / workers) * attemptTimeout

/** What the queue told of one recipient. */
export interface Told {
  delivered: number
  failed: number
  /** DSNs of the failure. */
  returned: number
  /** DSNs of the delay. */
  warned: number
  /** How long after it was queued it failed for want of time, in milliseconds. */
  expiredAfter?: number
  /** How much of that time its site was down. */
  downFor?: number
  /** How long it was due, in all, and its site up, before it was tried: a site takes so many a minute, in turn. */
  waited: number
}

const untold: Told = { delivered: 0, failed: 0, returned: 0, warned: 0, waited: 0 }

/** Lets five days pass over a queue and an internet of {@link SimulatedSite}s, all drawn from the seed. */
export async function runSimulation(seed: number, messages: number, storage: Storage = memoryStorage()) {
  const random = new SeededRandom(seed)
  const clock = createVirtualClock({ haltAfter: 0 })
  // Nothing here waits for the outside: the clock need not be told of the work.
  const untracked: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    schedule: (delay, action) => clock.schedule(delay, action),
    track: work => work,
  }
  const start = clock.now()
  const remote = Array.from(
    { length: sites },
    () => new SimulatedSite(untracked, new SeededRandom(random.below(2 ** 31))),
  )
  /** Trace ids of DSNs: those that were sent, and those that came to their senders. */
  const dsns: string[] = []
  const home: string[] = []
  const told = new Map<string, Told>()
  /** When each recipient is to be tried, and how often it was. */
  const standing = new Map<string, { dueAt: number; attempts: number }>()
  const log = createHash('sha256')
  const numberOf = (destination: string) => Number(/^d(\d+)/.exec(destination)?.[1] ?? Number.NaN) % sites
  const isRated = (destination: string) => numberOf(destination) % 2 === 0

  function noteAttempt(site: SimulatedSite, { traceId, recipients, attempt }: Delivery): void {
    const now = clock.now()
    const turns = recipients.map(({ address }) => {
      const key = `${traceId} ${address}`
      const { dueAt, attempts } = standing.get(key) ?? { dueAt: now, attempts: 0 }
      const before = told.get(key) ?? untold
      told.set(key, { ...before, waited: before.waited + now - dueAt - site.downDuring(dueAt, now) })
      // What a process had that died is next due when its lease has run out.
      return { dueAt, lost: attempt > attempts + 1 }
    })
    // The others come along with the first.
    if (!turns.some(({ lost }) => lost)) site.noteTurn(Math.min(...turns.map(({ dueAt }) => dueAt)))
  }

  const transport: Transport = {
    site: async destination =>
      destination === 'home.test' ? destination : `mx${numberOf(destination)}.test`,
    deliver: async (delivery, signal) => {
      const site = remote[numberOf(delivery.destination)]
      if (site) {
        noteAttempt(site, delivery)
        return site.deliver(delivery, signal)
      }
      home.push(delivery.traceId)
      return delivery.recipients.map(({ address }) => ({
        recipient: address,
        status: 'delivered',
        scope: 'recipient',
        reason: 'taken',
      }))
    },
    close: async () => {},
  }

  function open() {
    const worker = openWorker({
      hostname: 'mx.home.test',
      storage,
      transport,
      clock: untracked,
      random: () => random.next(),
      attemptTimeout,
      concurrency: { perSite: promised.atOnce / workers },
      limits: {
        perSite: ({ destination }) =>
          isRated(destination)
            ? { rate: { messages: promised.messages / workers, per: promised.per } }
            : undefined,
      },
    })
    const { queue } = worker
    const note =
      (kind: 'delivered' | 'failed' | 'returned' | 'warned') =>
      (event: { traceId: string; recipient: string }) => {
        if (event.recipient.endsWith('@home.test') || !worker.alive) return
        const key = `${event.traceId} ${event.recipient}`
        const before = told.get(key) ?? untold
        told.set(key, { ...before, [kind]: before[kind] + 1 })
        log.update(`${clock.now()} ${kind} ${key}\n`)
      }
    const noteRetry = (event: RecipientEvent & { retryAt: number }) => {
      standing.set(`${event.traceId} ${event.recipient}`, { dueAt: event.retryAt, attempts: event.attempts })
    }
    queue.on('recipient:deferred', noteRetry)
    queue.on('recipient:unknown', noteRetry)
    queue.on('recipient:delivered', note('delivered'))
    queue.on('recipient:failed', event => {
      note('failed')(event)
      const record = told.get(`${event.traceId} ${event.recipient}`)
      if (!event.expired || !record) return
      record.expiredAfter = clock.now() - event.queuedAt
      record.downFor = remote[numberOf(event.destination)]?.downDuring(event.queuedAt, clock.now()) ?? 0
    })
    queue.on('dsn:sent', ({ traceId, dsnTraceId, kind, recipients }) => {
      if (!worker.alive) return
      dsns.push(dsnTraceId)
      const outcome = kind === 'failed' ? 'returned' : 'warned'
      for (const recipient of recipients) note(outcome)({ traceId, recipient })
    })
    return worker
  }

  async function send(index: number) {
    // Many domains of two providers get more than the others.
    const draw = () =>
      random.chance(0.4) ? random.below(domains / sites) * sites + random.below(2) : random.below(domains)
    const colleagues = random.chance(0.5) ? draw() : undefined
    const recipients = Array.from({ length: random.chance(0.1) ? 1 + random.below(5) : 1 }, (_, place) => {
      const destination = `d${colleagues ?? draw()}.test`
      const user = random.chance(0.03) ? 'nobody' : 'user'
      return { address: `${user}${place}@${destination}`, destination, dueAt: clock.now() }
    })
    const message = Buffer.from(`Subject: message ${index}\r\n\r\nHello\r\n`)
    await storage.accept({
      id: `m${index}`,
      message: { size: message.length, bytes: message, open: () => [message] as never },
      receivedAt: clock.now(),
      copies: [],
      queued: { traceId: `m${index}`, envelope: { sender: `s${random.below(20)}@home.test` }, recipients },
    })
    const keys = recipients.map(({ address }) => `m${index} ${address}`)
    for (const key of keys) standing.set(key, { dueAt: clock.now(), attempts: 0 })
    return keys
  }

  const expected: string[] = []
  /** Workers are closed at any time, and killed in a flood. */
  const closings = new Set(Array.from({ length: 3 }, () => random.below(1_000)))
  const killings = new Set(Array.from({ length: 3 }, () => random.below(20) * 50))
  /** When a worker began: what it counts for its rates begins with nothing. */
  const restarts: number[] = []
  let cut = 0
  const running = Array.from({ length: workers }, open)
  for (const { queue } of running) await queue.start()
  async function replace(end: (worker: ReturnType<typeof open>) => Promise<void> | void) {
    const [worker] = running.splice(0, 1)
    if (worker) await end(worker)
    restarts.push(clock.now())
    const next = open()
    running.push(next)
    await next.queue.start()
  }
  for (let step = 0; step < 1_000; step++) {
    // In floods, 20 in all.
    if (step % 50 === 0) {
      for (let index = 0; index < messages / 20; index++)
        expected.push(...(await send((step / 50) * messages + index)))
    }
    if (killings.has(step)) {
      await clock.advance(1_000)
      await replace(worker => {
        cut += worker.kill()
      })
    }
    await clock.advanceTo(start + ((step + 1) * arrivals) / 1_000)
    if (closings.has(step)) await replace(({ queue }) => queue.close({ grace: 0 }))
  }
  await clock.advanceTo(start + end)
  const counts = await storage.queue.counts()
  for (const { queue } of running) await queue.close({ grace: 0 })
  return { expected, told, remote, dsns, home, counts, restarts, cut, digest: log.digest('hex') }
}
