import type { Duration } from '../../core/duration.js'
import type { TestMessage } from '../messages/test-message.js'
import type { MessageMatch } from './criteria.js'

/** A place in the order of arrivals: what {@link Inbox.cursor} gave, or a message. */
export type Cursor = number | Pick<TestMessage, 'number'>

/** Options of {@link Inbox.waitForMessage}. */
export interface WaitOptions {
  /** In real time. Default: the option `waitTimeout` of the test mail, 4 seconds. */
  timeout?: Duration
  /** Only what arrives behind this. Default: all that arrived since the start, or since `reset()`. */
  after?: Cursor
  /** Ends the wait. */
  signal?: AbortSignal
}

/** Options of {@link Inbox.waitForMessages}. */
export interface CountOptions extends WaitOptions {
  /**
   * What counts: `'message'`, each once however many recipients it has, or `'recipient'`, each copy: a message to three
   * people is three, and with a criterion `to` as many as it means. A copy knows its `recipient`. Default: `'message'`.
   */
  per?: 'message' | 'recipient'
}

/** What arrived, and what will: of a whole test mail, or of one tenant. */
export interface Inbox {
  /** The place behind the last arrival: for the option `after`. */
  cursor(): number
  /**
   * What arrived so far, in order.
   * @throws what a function in `match` throws, unless the message is not meant in any case.
   */
  messages(match?: MessageMatch, options?: Pick<WaitOptions, 'after'>): Promise<TestMessage[]>
  /**
   * The first message that is meant, as soon as it is there; one that arrived already counts, unless it came before
   * `after`.
   * @throws MailError `TIMEOUT`, saying what arrived instead and what nearly fitted, who was refused, and what the queue
   * is doing; `CLOSED`, `ABORTED`.
   */
  waitForMessage(match?: MessageMatch, options?: WaitOptions): Promise<TestMessage>
  /** The first `count` messages, or copies, that are meant. @throws as {@link Inbox.waitForMessage}. */
  waitForMessages(count: number, match?: MessageMatch, options?: CountOptions): Promise<TestMessage[]>
  /**
   * Waits until nothing more can come of what is under way ({@link Inbox.idle}), then makes sure that none of the messages
   * that arrived is meant.
   * @throws MailError `UNEXPECTED_MAIL`, saying which are; what a function in `match` throws, as {@link Inbox.messages}.
   */
  expectNone(match?: MessageMatch, options?: WaitOptions): Promise<void>
  /**
   * Waits until all that is under way has come to its end: sessions, deliveries that are due, hooks. A connection that
   * a client keeps for later, and attempts that are due later, are not waited for.
   * @throws MailError `TIMEOUT`, saying what is still under way.
   */
  idle(options?: Pick<WaitOptions, 'timeout' | 'signal'>): Promise<void>
  /**
   * All that happened so far, for people: each arrival with what it went through, refused and open sessions, the
   * queue. Print it when a test fails; once closed, it tells what was so at the end.
   */
  report(): Promise<string>
}
