import { promisify } from 'node:util'
import { MailError } from './error.js'

/**
 * Fake timers of a test runner, as they are: `vi` of Vitest, `jest`, `mock.timers` of `node:test`, or the clock that
 * `install` of `@sinonjs/fake-timers` returns.
 */
export interface FakeTimers {
  /** Vitest and Jest. */
  advanceTimersByTime?(milliseconds: number): unknown
  /** Vitest and Jest. */
  getTimerCount?(): number
  /** `node:test` and sinon. */
  tick?(milliseconds: number): unknown
  /** Sinon. */
  countTimers?(): number
}

/** What the machine goes by, taken when this module is loaded: a test may put fakes in its place afterwards. */
const {
  setImmediate: realSetImmediate,
  setTimeout: realSetTimeout,
  queueMicrotask: realQueueMicrotask,
} = globalThis
const { nextTick: realNextTick } = process
const realNow = performance.now.bind(performance)

/** One round through timers, input and output of the real event loop. */
export function turnOfEventLoop(): Promise<void> {
  return new Promise(resolve => realSetImmediate(resolve))
}

/** Milliseconds of real time since some fixed moment. */
export function realTime(): number {
  return realNow()
}

/** Lets time pass on fake timers, and runs those that are due. */
export function moveFakeTimers(timers: FakeTimers, milliseconds: number): void {
  if (timers.advanceTimersByTime) timers.advanceTimersByTime(milliseconds)
  else timers.tick?.(milliseconds)
}

/** Whether fake timers are known to have nothing to run. */
export function haveNoTimers(timers: FakeTimers): boolean {
  return (timers.getTimerCount?.() ?? timers.countTimers?.()) === 0
}

/**
 * Makes sure that sockets can come to rest: they stand on `process.nextTick` and `queueMicrotask`, and much of what reads
 * and writes mail on `setImmediate`.
 * @param driven - whether fake timers are moved along, which runs what was given to a fake `setImmediate`
 * @throws MailError `TIMERS_FAKED`, naming what is faked and how to leave it out.
 */
export function assertSocketsMove(driven: boolean): void {
  const problem = whatHoldsSocketsUp(driven)
  if (problem !== undefined) throw new MailError('TIMERS_FAKED', problem)
}

/** What fake timers of a test hold up at this moment, for people; `undefined` where there are none. */
export function describeFakeTimers(): string | undefined {
  const problem = whatHoldsSocketsUp(false)
  if (problem !== undefined || globalThis.setTimeout === realSetTimeout) return problem
  return 'fake timers stand in for setTimeout: what is to come later comes when the test moves them, or the clock of the mail server'
}

function whatHoldsSocketsUp(driven: boolean): string | undefined {
  if (isFake(realSetImmediate)) {
    return 'posthorn was loaded while fake timers were in place: load it before they are'
  }
  const frozen = [
    ...(driven || globalThis.setImmediate === realSetImmediate ? [] : ['setImmediate']),
    ...(process.nextTick === realNextTick ? [] : ['nextTick']),
    ...(globalThis.queueMicrotask === realQueueMicrotask ? [] : ['queueMicrotask']),
  ]
  if (frozen.length === 0) return undefined
  return [
    `fake timers stand in for ${frozen.join(', ')}, so sockets never come to rest: fake the others only, as in`,
    "vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'setInterval'] }),",
    "jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] })",
    "or mock.timers.enable({ apis: ['Date', 'setTimeout'] })",
    ...(frozen.includes('setImmediate')
      ? ['— or let the clock move them while it advances: createVirtualClock({ fakeTimers: vi })']
      : []),
  ].join(' ')
}

/** Sinon's fakes, which Vitest and Jest have too, know their clock; those of Node.js cannot be promisified. */
function isFake(timer: typeof setImmediate): boolean {
  return 'clock' in timer || !(promisify.custom in timer)
}
