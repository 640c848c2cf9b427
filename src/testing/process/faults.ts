import { z } from 'zod'
import { lazy } from '../../core/options.js'
import { newTraceId } from '../../core/trace.js'
import type { Policy, Verdict } from '../../policy/policy.js'
import { reply } from '../../smtp/reply.js'

/** A fault that clients are to meet: who gets which refusal, and how often. */
export const faultSchema = lazy(() =>
  z
    .strictObject({
      verb: z.enum(['mail', 'rcpt', 'message']),
      address: z.string().min(1).max(254).optional(),
      times: z.int().min(1).max(1_000_000).optional(),
      code: z.int().min(400).max(599),
      enhanced: z
        .string()
        .regex(/^[45]\.\d{1,3}\.\d{1,3}$/)
        .optional(),
      text: z.string().max(400).default('As told to'),
    })
    .describe(
      'Refuses with `code` where `verb` comes; only where the sender (mail, message) or the recipient (rcpt) contains `address`, only so many `times`. Defaults: any address, always.',
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

  #meet(verb: Rule['verb'], address: string): Verdict | undefined {
    for (const fault of this.#faults.values()) {
      const meant = fault.verb === verb && address.toLowerCase().includes((fault.address ?? '').toLowerCase())
      if (!meant || fault.met >= (fault.times ?? Number.POSITIVE_INFINITY)) continue
      fault.met++
      const answer = reply(fault.code, fault.enhanced, fault.text)
      return { action: fault.code < 500 ? 'defer' : 'reject', reply: answer }
    }
    return undefined
  }
}
