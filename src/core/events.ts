import { EventEmitter } from 'eventemitter3'
import { MailError } from './error.js'
import { isThenable } from './is-thenable.js'
import { guardLogger, type Logger, silentLogger } from './logger.js'

/** The listening side of a part. `Map` is its map of event names (`noun:verb`) to their one payload object. */
export interface Events<Map extends object> {
  /**
   * Calls `listener` at each `event`, until the returned function is called, which ends this registration only.
   * @throws MailError `OPTION_INVALID` when `listener` is no function.
   */
  on<Name extends keyof Map & string>(event: Name, listener: (payload: Map[Name]) => unknown): () => void
  /** Calls `listener` at the next `event` only. */
  once<Name extends keyof Map & string>(event: Name, listener: (payload: Map[Name]) => unknown): () => void
  /** Ends all that {@link Events.on} and {@link Events.once} began with this listener. */
  off<Name extends keyof Map & string>(event: Name, listener: (payload: Map[Name]) => unknown): void
}

/** One call of {@link Events.on} or {@link Events.once}. */
interface Registration {
  readonly listener: unknown
  readonly call: (payload: object) => void
}

/**
 * The emitting side: a typed eventemitter3 whose listeners cannot disturb the part. What a listener
 * throws, at once or as a rejected promise, is logged as an error and goes no further.
 */
export class MailEvents<Map extends object> implements Events<Map> {
  readonly #emitter = new EventEmitter()
  readonly #registrations = new globalThis.Map<string, Set<Registration>>()
  readonly #logger: Logger

  constructor(logger: Logger = silentLogger) {
    this.#logger = guardLogger(logger)
  }

  on<Name extends keyof Map & string>(event: Name, listener: (payload: Map[Name]) => unknown): () => void {
    return this.#add(event, listener as (payload: object) => unknown, false)
  }

  once<Name extends keyof Map & string>(event: Name, listener: (payload: Map[Name]) => unknown): () => void {
    return this.#add(event, listener as (payload: object) => unknown, true)
  }

  off<Name extends keyof Map & string>(event: Name, listener: (payload: Map[Name]) => unknown): void {
    for (const registration of this.#registrations.get(event) ?? []) {
      if (registration.listener === listener) this.#remove(event, registration)
    }
  }

  /** Tells every listener of `event`, in the order they came. */
  emit<Name extends keyof Map & string>(event: Name, payload: Map[Name]): void {
    this.#emitter.emit(event, payload)
  }

  /** Whether anybody listens; lets a hot path skip building a payload. */
  has(event: keyof Map & string): boolean {
    return this.#registrations.has(event)
  }

  #add(event: string, listener: (payload: object) => unknown, once: boolean): () => void {
    if (typeof listener !== 'function') {
      throw new MailError(
        'OPTION_INVALID',
        `listener of ${event}: got ${typeof listener}, expected a function`,
      )
    }
    const call = (payload: object) => {
      if (once) this.#remove(event, registration)
      this.#call(event, listener, payload)
    }
    const registration: Registration = { listener, call }
    const known = this.#registrations.get(event)
    if (known) known.add(registration)
    else this.#registrations.set(event, new Set([registration]))
    this.#emitter.on(event, call)
    return () => this.#remove(event, registration)
  }

  #call(event: string, listener: (payload: object) => unknown, payload: object): void {
    const failed = (error: unknown) => this.#logger.error({ event, error }, `a listener of ${event} failed`)
    try {
      const result = listener(payload)
      if (isThenable(result)) result.then(undefined, failed)
    } catch (error) {
      failed(error)
    }
  }

  #remove(event: string, registration: Registration): void {
    const known = this.#registrations.get(event)
    if (!known?.delete(registration)) return
    if (known.size === 0) this.#registrations.delete(event)
    this.#emitter.off(event, registration.call)
  }
}
