import { type Duration, toMilliseconds } from '../../core/duration.js'
import { MailError } from '../../core/error.js'
import { describeFakeTimers } from '../../core/fake-timers.js'
import type { TestMessage } from '../messages/test-message.js'
import type { Arrival } from '../recording/arrival.js'
import type { MessageMatch } from './criteria.js'
import type { CountOptions, Cursor, Inbox, WaitOptions } from './inbox.js'
import { fits, isMeantRecipient, surelyFits } from './match-message.js'
import { describeMessage, type ServerStory, tellAll } from './server-report.js'
import { untilIdle } from './until-idle.js'
import { Wait } from './wait.js'
import { tellWait, type WaitStory } from './wait-report.js'
import type { WaitWorld } from './wait-world.js'

/** Real milliseconds in which messages are read of which a wait that failed is to tell. */
const readingLimit = 500

/** The inbox over the log of a server. */
export class RecordedInbox implements Inbox {
  readonly #world: WaitWorld
  readonly #belongs: (arrival: Arrival) => boolean

  /** @param belongs - which arrivals are in it. Default: all. */
  constructor(world: WaitWorld, belongs: (arrival: Arrival) => boolean = () => true) {
    this.#world = world
    this.#belongs = belongs
  }

  cursor(): number {
    return this.#world.log.last
  }

  async messages(match: MessageMatch = {}, options: Pick<WaitOptions, 'after'> = {}): Promise<TestMessage[]> {
    const all = await this.#read(numberOf(options.after))
    return all.filter(message => surelyFits(match, message))
  }

  async waitForMessage(match: MessageMatch = {}, options: WaitOptions = {}): Promise<TestMessage> {
    const [message] = await this.waitForMessages(1, match, options)
    if (!message) throw new MailError('OPTION_INVALID', 'waitForMessages: count: expected 1 or more')
    return message
  }

  async waitForMessages(
    count: number,
    match: MessageMatch = {},
    options: CountOptions = {},
  ): Promise<TestMessage[]> {
    const timeout = this.#timeout(options.timeout)
    const found: TestMessage[] = []
    let seen = numberOf(options.after)
    const look = async () => {
      const news = await this.#read(seen)
      seen = news.at(-1)?.number ?? seen
      found.push(...news.filter(each => fits(match, each)).flatMap(each => copies(each, match, options)))
      return found.length >= count
    }
    const done = await this.#repeat(look, timeout, options.signal)
    if (done) return found.slice(0, count)
    const { after, per = 'message' } = options
    throw await this.#failure({ match, count, per, found, waited: timeout }, numberOf(after))
  }

  async expectNone(match: MessageMatch = {}, options: WaitOptions = {}): Promise<void> {
    await this.idle(options)
    const found = await this.messages(match, options)
    if (found.length === 0) return
    const lines = found.map(message => `  ${describeMessage(message)}`)
    const many = found.length === 1 ? 'a message' : `${found.length} messages`
    throw new MailError('UNEXPECTED_MAIL', [`expected none, but ${many} came:`, ...lines].join('\n'))
  }

  idle(options: Pick<WaitOptions, 'timeout' | 'signal'> = {}): Promise<void> {
    return untilIdle(this.#world, this.#timeout(options.timeout), options.signal)
  }

  async report(): Promise<string> {
    return tellAll({ ...(await this.#story()), arrived: await this.#read(0) })
  }

  async #story(): Promise<ServerStory> {
    const { sessions, queue, clock } = this.#world
    return {
      sessions: sessions.sessions,
      queue: await queue.list(),
      paused: queue.paused,
      now: clock.now(),
    }
  }

  #timeout(given: Duration | undefined): number {
    return given === undefined ? this.#world.waitTimeout : toMilliseconds(given, 'timeout')
  }

  async #read(after: number): Promise<TestMessage[]> {
    const arrivals = this.#world.log.after(after).filter(this.#belongs)
    return Promise.all(arrivals.map(arrival => this.#world.read(arrival)))
  }

  /** Looks at once, and after each arrival, until there is enough or the time is up. */
  async #repeat(look: () => Promise<boolean>, timeout: number, signal?: AbortSignal): Promise<boolean> {
    const { log, closed } = this.#world
    const wait = new Wait(timeout, [closed, ...(signal ? [signal] : [])])
    const stop = log.onArrival(() => wait.wake())
    try {
      for (;;) {
        const news = wait.next()
        // Fake timers of a test may keep a message from ever being read.
        if (await Promise.race([look(), wait.ended])) return true
        if (wait.over) return false
        await news
        if (closed.aborted)
          throw new MailError('CLOSED', 'the test mail was closed while a test waited for mail')
        if (signal?.aborted) throw new MailError('ABORTED', 'the wait for mail was aborted')
      }
    } finally {
      stop()
      wait.end()
    }
  }

  async #failure(
    wait: Pick<WaitStory, 'match' | 'count' | 'per' | 'found' | 'waited'>,
    after: number,
  ): Promise<MailError> {
    const all = await this.#readSoon()
    const story = {
      ...wait,
      ...(await this.#story()),
      arrived: all.filter(message => message.number > after),
      before: all.filter(message => message.number <= after),
    }
    return new MailError('TIMEOUT', tellWait(story))
  }

  /** All that arrived; nothing, where fake timers of a test keep messages from being read. */
  async #readSoon(): Promise<TestMessage[]> {
    if (describeFakeTimers() === undefined) return this.#read(0)
    const wait = new Wait(readingLimit, [])
    try {
      return await Promise.race([this.#read(0), wait.next().then(() => [])])
    } finally {
      wait.end()
    }
  }
}

function numberOf(cursor: Cursor = 0): number {
  return typeof cursor === 'number' ? cursor : cursor.number
}

function copies(message: TestMessage, match: MessageMatch, { per }: CountOptions): TestMessage[] {
  if (per !== 'recipient') return [message]
  return message.recipients
    .filter(address => isMeantRecipient(match, address))
    .map(address => message.copyFor(address))
}
