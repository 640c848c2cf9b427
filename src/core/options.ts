import { type ZodType, z } from 'zod'
import { isSecretField } from './clean-fields.js'
import { tryNormalizeDomain } from './domain.js'
import { type Duration, parseDuration } from './duration.js'
import { MailError } from './error.js'

/**
 * Reads the options of a factory.
 * @throws MailError `OPTION_INVALID` naming each option that is wrong, what it got and what it wants.
 */
export function parseOptions<T>(factory: string, schema: ZodType<T>, options: unknown): T {
  const result = schema.safeParse(options, { reportInput: true, jitless: true })
  if (result.success) return result.data
  const problems = result.error.issues.map(issue => {
    const path = issue.path.map(String).join('.') || 'options'
    const isSecret = issue.input !== undefined && issue.path.some(key => isSecretField(String(key)))
    return `${path}: ${issue.message}, got ${isSecret ? 'a secret' : describeValue(issue.input)}`
  })
  throw new MailError('OPTION_INVALID', `${factory}: ${problems.join('; ')}`)
}

/**
 * Builds a schema when it is first asked for, once. An app uses few of the schemas there are, and building all of them
 * takes a good part of the time and of the memory that loading does.
 */
export function lazy<T>(build: () => T): () => T {
  let built: T | undefined
  return () => {
    built ??= build()
    return built
  }
}

/** A schema of a {@link Duration}; its output is milliseconds. */
export const durationSchema = z
  .custom<Duration>(value => parseDuration(value) !== undefined, {
    error: "expected milliseconds or a length such as '30h', '15m' or '10s'",
  })
  .transform(value => parseDuration(value) ?? 0)

/** A schema of the name of a host, or an address literal; its output is in A-labels. */
export const hostnameSchema = lazy(() =>
  z
    .string()
    .refine(name => tryNormalizeDomain(name) !== undefined, {
      error: "expected a name such as 'mx.example.test'",
    })
    .transform(name => tryNormalizeDomain(name) ?? name),
)

/** A schema for an object the user made: a driver, a part, a logger. Checks that the named methods are there. */
export function shapeSchema<T>(what: string, methods: readonly (keyof T & string)[]) {
  const fits = (value: unknown) =>
    typeof value === 'object' &&
    value !== null &&
    methods.every(name => typeof (value as Record<string, unknown>)[name] === 'function')
  return z.custom<T>(fits, { error: `expected ${what} with ${methods.map(name => `${name}()`).join(', ')}` })
}

/** A schema of a function. */
export function functionSchema<T extends (...args: never[]) => unknown>(what: string) {
  return z.custom<T>(value => typeof value === 'function', { error: `expected ${what}` })
}

function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'function') return 'a function'
  if (Buffer.isBuffer(value)) return 'a Buffer'
  const json = toJson(value) ?? `a ${typeof value}`
  return json.length > 60 ? `${json.slice(0, 57)}…` : json
}

/** JSON without secrets, or `undefined` for what has none, such as an object that holds itself. */
function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, (name, inner) => (isSecretField(name) ? '[redacted]' : inner))
  } catch {
    return undefined
  }
}
