import { z } from 'zod'
import { type Clock, systemClock, withDeadline } from '../core/clock.js'
import type { Duration } from '../core/duration.js'
import { describeError, MailError } from '../core/error.js'
import { durationSchema, functionSchema, lazy, parseOptions, shapeSchema } from '../core/options.js'
import { SlotGate } from './slot-gate.js'
import type { Delivery, RecipientOutcome, Transport } from './transport.js'
import { unlessAborted } from './unless-aborted.js'
import { localVerdict, replyVerdict, type Verdict } from './verdict.js'

/** Options of `createFunctionTransport`. */
export interface FunctionTransportOptions {
  /**
   * Takes one message for some recipients. Once it returns, all of them have it, but for those it names an outcome for.
   * What it throws defers the message, and so does an outcome for somebody else, so that a mistake in it loses no mail;
   * a `MailError` with a 5xx `reply` returns it to the sender.
   */
  deliver: (delivery: Delivery, signal: AbortSignal) => HandlerResult | Promise<HandlerResult>
  /** How long a call may take. Default: `'5m'`. */
  timeout?: Duration
  /** Calls under way at once; further ones wait. Default: 10. */
  concurrency?: number
  /** Default: the machine's. */
  clock?: Clock
}

/** Nothing, where everybody has it; or what became of some recipients. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function without a return is the usual one
export type HandlerResult = void | undefined | readonly HandlerOutcome[]

/** What became of one recipient. */
export interface HandlerOutcome {
  /** An address as it stands in the delivery. */
  readonly recipient: string
  readonly status: 'delivered' | 'deferred' | 'failed'
  /** For people, in a bounce too. Default: none. */
  readonly reason?: string
}

const schema = lazy(() =>
  z.strictObject({
    deliver: functionSchema<FunctionTransportOptions['deliver']>('a function'),
    timeout: durationSchema.refine(ms => ms > 0, { error: 'expected more than 0' }).prefault('5m'),
    concurrency: z.int().min(1).max(10_000).default(10),
    clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(
      () => systemClock,
    ),
  }),
)

/** Creates a transport of a plain function: mail becomes a ticket, a row, a push message. @throws MailError `OPTION_INVALID`. */
export function createFunctionTransport(options: FunctionTransportOptions): Transport {
  const settings = parseOptions('createFunctionTransport', schema(), options)
  const gate = new SlotGate(settings.concurrency)
  const run = async (delivery: Delivery, signal: AbortSignal) => {
    const leave = await gate.enter(signal)
    const ending = new AbortController()
    try {
      const either = AbortSignal.any([signal, ending.signal])
      const work = unlessAborted<unknown>(() => settings.deliver(delivery, either), either)
      const result = await withDeadline(settings.clock, settings.timeout, 'the function', work)
      return readResult(delivery, result)
    } catch (thrown) {
      ending.abort(thrown)
      return everybody(delivery, thrownVerdict(thrown))
    } finally {
      leave()
    }
  }
  return {
    deliver: (delivery, signal) => settings.clock.track(run(delivery, signal)),
    site: async () => 'function',
    close: async () => {},
  }
}

function readResult(delivery: Delivery, result: unknown = []): RecipientOutcome[] {
  if (!(Array.isArray(result) && result.every(isOutcome)))
    return everybody(delivery, mistaken('answered with no list of outcomes'))
  const known = new Set(delivery.recipients.map(({ address }) => address))
  // A stranger may be one of them, written otherwise, who would then pass for delivered.
  if (!result.every(({ recipient }) => known.has(recipient)))
    return everybody(delivery, mistaken('answered for somebody it was not asked about'))
  const named = new Map(result.map(one => [one.recipient, one]))
  return delivery.recipients.map(({ address }) => {
    const { status = 'delivered', reason = '' } = named.get(address) ?? {}
    if (status === 'delivered') return { recipient: address, status, final: true, scope: 'recipient', reason }
    return { recipient: address, ...localVerdict(status, 'recipient', classOf(status), reason) }
  })
}

function classOf(status: 'deferred' | 'failed'): string {
  return status === 'failed' ? '5.0.0' : '4.0.0'
}

function isOutcome(value: unknown): value is HandlerOutcome {
  if (typeof value !== 'object' || value === null) return false
  const { recipient, status, reason = '' } = value as Partial<HandlerOutcome>
  const known = status === 'delivered' || status === 'deferred' || status === 'failed'
  return typeof recipient === 'string' && known && typeof reason === 'string'
}

function thrownVerdict(thrown: unknown): Verdict {
  const reply = thrown instanceof MailError ? thrown.reply : undefined
  if (reply && reply.code >= 500) return replyVerdict(reply, 'message', 'the message')
  return mistaken(`failed: ${describeError(thrown)}`)
}

function mistaken(how: string): Verdict {
  return localVerdict('deferred', 'local', '4.3.0', `the function ${how}`)
}

function everybody({ recipients }: Delivery, verdict: Verdict): RecipientOutcome[] {
  return recipients.map(({ address }) => ({ recipient: address, ...verdict }))
}
