import { EventEmitter } from 'eventemitter3'
import { describeError } from './error.js'
import { type Logger, silentLogger } from './logger.js'

/** A map of event names (`noun:verb`) to their one payload object. */
export type EventMap = { [name: string]: object }

/** The listening side of a part. */
export interface Events<Map extends object> {
  /** Calls `listener` at each `event`, until the returned function is called. */
  on<Name extends keyof Map & string>(event: Name, listener: (payload: Map[Name]) => unknown): () => void
  /** Calls `listener` at the next `event` only. */
  once<Name extends keyof Map & string>(event: Name, listener: (payload: Map[Name]) => unknown): () => void
  /** Ends what {@link Events.on} or {@link Events.once} began. */
  off<Name extends keyof Map & string>(event: Name, listener: (payload: Map[Name]) => unknown): void
}

/**
 * The emitting side: a typed eventemitter3 whose listeners cannot disturb the part. What a listener
 * throws, at once or as a rejected promise, is logged as an error and goes no further.
 */
export class MailEvents<Map extends object> implements Events<Map> {
  readonly #emitter = new EventEmitter()
  readonly #wrappers = new WeakMap<object, (payload: object) => void>()
  readonly #logger: Logger

  constructor(logger: Logger = silentLogger) {
    this.#logger = logger
  }

  on<Name extends keyof Map & string>(event: Name, listener: (payload: Map[Name]) => unknown): () => void {
    this.#emitter.on(event, this.#guarded(event, listener))
    return () => this.off(event, listener)
  }

  once<Name extends keyof Map & string>(event: Name, listener: (payload: Map[Name]) => unknown): () => void {
    this.#emitter.once(event, this.#guarded(event, listener))
    return () => this.off(event, listener)
  }

  off<Name extends keyof Map & string>(event: Name, listener: (payload: Map[Name]) => unknown): void {
    const wrapper = this.#wrappers.get(listener)
    if (wrapper) this.#emitter.off(event, wrapper)
  }

  /** Tells every listener of `event`. */
  emit<Name extends keyof Map & string>(event: Name, payload: Map[Name]): void {
    this.#emitter.emit(event, payload)
  }

  /** Whether anybody listens; lets a hot path skip building a payload. */
  has(event: keyof Map & string): boolean {
    return this.#emitter.listenerCount(event) > 0
  }

  #guarded(event: string, listen: (payload: never) => unknown): (payload: object) => void {
    const listener = listen as (payload: object) => unknown
    const known = this.#wrappers.get(listener)
    if (known) return known
    const failed = (thrown: unknown) =>
      this.#logger.error({ event, error: describeError(thrown) }, `a listener of ${event} failed`)
    const wrapper = (payload: object) => {
      try {
        const result = listener(payload)
        if (result instanceof Promise) result.catch(failed)
      } catch (thrown) {
        failed(thrown)
      }
    }
    this.#wrappers.set(listener, wrapper)
    return wrapper
  }
}
