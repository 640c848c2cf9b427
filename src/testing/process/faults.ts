import { z } from 'zod'
import { type Clock, sleep } from '../../core/clock.js'
import { durationSchema, lazy } from '../../core/options.js'
import { newTraceId } from '../../core/trace.js'
import type { Policy, PolicyAnswer, Verdict } from '../../policy/policy.js'
import { reply } from '../../smtp/reply.js'

/** Clients do not wait longer (RFC 5321 §4.5.3.2). */
const longestDelay = 300_000

/** A fault that clients are to meet: who gets which refusal or loses the connection, how late, and how often. */
export const faultSchema = lazy(() =>
  z
    .strictObject({
      verb: z.enum(['mail', 'rcpt', 'message']),
      address: z.string().min(1).max(254).optional(),
      times: z.int().min(1).max(1_000_000).optional(),
      code: z.int().min(400).max(599).optional(),
      enhanced: z
        .string()
        .regex(/^[45]\.\d{1,3}\.\d{1,3}$/)
        .optional(),
      text: z.string().max(400).default('As told to'),
      drop: z.boolean().default(false),
      delay: z
        .union([z.number().min(0), z.string()])
        .pipe(durationSchema)
        .refine(value => value <= longestDelay, { error: 'expected 5 minutes at most' })
        .optional(),
    })
    .refine(({ code, delay, drop }) => code !== undefined || delay !== undefined || drop, {
      error: 'expected a code, a delay, both, or `drop`',
    })
    .refine(({ code, drop }) => code === undefined || !drop, { error: 'expected no code beside `drop`' })
    .describe(
      'Waits for `delay` (milliseconds, or a text such as `10s`, on the clock of the server), then refuses with `code`, if there is one, or cuts the connection with `drop`, where `verb` comes (a code of 421 is said before the connection ends); only where the sender (mail, message) or the recipient (rcpt) contains `address`, only so many `times`. Defaults: any address, always.',
    ),
)

type Rule = z.output<ReturnType<typeof faultSchema>>

/** A fault that stands. */
export interface Fault extends Rule {
  readonly id: string
  /** How often it was met. */
  met: number
}

/** The faults of a server; {@link Faults.policy} is what makes clients meet them. */
export class Faults {
  readonly #faults = new Map<string, Fault>()
  readonly #clock: () => Clock
  readonly #ended = new AbortController()

  /** @param clock - the one of the server, once there is a server */
  constructor(clock: () => Clock) {
    this.#clock = clock
  }

  readonly policy: Policy = {
    name: 'faults',
    mail: (_session, mail) => this.#meet('mail', mail.sender),
    rcpt: (_session, _mail, recipient) => this.#meet('rcpt', recipient.address),
    message: (_session, envelope) => this.#meet('message', envelope.sender),
  }

  list(): Fault[] {
    return [...this.#faults.values()]
  }

  add(rule: Rule): Fault {
    const fault = { ...rule, id: newTraceId(), met: 0 }
    this.#faults.set(fault.id, fault)
    return fault
  }

  remove(id: string): boolean {
    return this.#faults.delete(id)
  }

  clear(): void {
    this.#faults.clear()
  }

  /** Ends the delays under way. */
  [Symbol.dispose](): void {
    this.#ended.abort()
  }

  #meet(verb: Rule['verb'], address: string): PolicyAnswer {
    for (const fault of this.#faults.values()) {
      const meant = fault.verb === verb && address.toLowerCase().includes((fault.address ?? '').toLowerCase())
      if (!meant || fault.met >= (fault.times ?? Number.POSITIVE_INFINITY)) continue
      fault.met++
      return fault.delay === undefined ? refusal(fault) : this.#later(fault.delay, refusal(fault))
    }
    return undefined
  }

  async #later(delay: number, verdict: Verdict | undefined): Promise<Verdict | undefined> {
    await sleep(this.#clock(), delay, this.#ended.signal)
    return verdict
  }
}

function refusal({ code, enhanced, text, drop }: Fault): Verdict | undefined {
  if (drop) return { action: 'drop' }
  if (code === undefined) return undefined
  return { action: code < 500 ? 'defer' : 'reject', reply: reply(code, enhanced, text) }
}
