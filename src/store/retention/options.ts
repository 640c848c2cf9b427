import { z } from 'zod'
import { durationSchema, lazy } from '../../core/options.js'
import { normalizeMailboxName } from '../mailbox-name.js'
import type { Retention } from './retention.js'

const limits = lazy(() => ({
  maxAge: durationSchema.optional(),
  maxMessages: z.int().nonnegative().optional(),
  maxBytes: z.int().nonnegative().optional(),
}))

/** Validates what an app's function tells of a mailbox; ages in milliseconds. */
export const limitsSchema = lazy(() => z.strictObject(limits()).optional())

const ruleSchema = lazy(() =>
  z
    .strictObject({
      account: z.string().min(1).optional(),
      mailbox: z.string().transform(toName).optional(),
      ...limits(),
    })
    .refine(rule => [rule.maxAge, rule.maxMessages, rule.maxBytes].some(limit => limit !== undefined), {
      error: 'expected maxAge, maxMessages or maxBytes',
    }),
)

type RetentionFunction = Extract<Retention, (...args: never[]) => unknown>

/** Validates the option `retention`; names the rule that is wrong. */
export const retentionSchema = lazy(() =>
  z.unknown().transform((value, context) => {
    if (isFunction(value)) return value
    const rules = z.array(ruleSchema()).safeParse(value, { reportInput: true })
    if (rules.success) return rules.data
    for (const { message, path, input } of rules.error.issues) {
      context.addIssue({ code: 'custom', message, path, input })
    }
    return z.NEVER
  }),
)

function isFunction(value: unknown): value is RetentionFunction {
  return typeof value === 'function'
}

/** The option `retention`, ages in milliseconds. */
export type RetentionSettings = z.output<ReturnType<typeof retentionSchema>>

/** {@link RetentionLimits}, the age in milliseconds. */
export type RetentionLimitsMs = z.output<ReturnType<typeof limitsSchema>> & {}

function toName(name: string, context: z.RefinementCtx): string {
  try {
    return normalizeMailboxName(name)
  } catch {
    context.addIssue({ code: 'custom', message: 'expected the name of a mailbox' })
    return z.NEVER
  }
}
