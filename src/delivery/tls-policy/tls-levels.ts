import { z } from 'zod'
import { tryNormalizeDomainPattern } from '../../core/domain.js'
import { MailError } from '../../core/error.js'
import { functionSchema, lazy } from '../../core/options.js'

const levels = ['opportunistic', 'required', 'verified', 'none'] as const
type Level = (typeof levels)[number]
const levelSchema = lazy(() => z.enum(levels))

/** A key of a table: a domain, `*.` and a domain, or `*`. */
const keySchema = lazy(() =>
  z.string().transform((key, context) => {
    const pattern = key === '*' ? key : tryNormalizeDomainPattern(key)
    if (pattern !== undefined) return pattern
    context.issues.push({
      code: 'custom',
      message: "expected a domain, '*.' and a domain, or '*'",
      input: key,
    })
    return z.NEVER
  }),
)

/** The level of each destination, from one for all, a table or a function. */
export const tlsLevelsSchema = lazy(() =>
  z.union(
    [
      levelSchema().transform(level => () => level),
      functionSchema<(destination: string) => Level>('a function').transform(checked),
      z.record(keySchema(), levelSchema()).transform(table => lookUp(new Map(Object.entries(table)))),
    ],
    { error: "expected 'opportunistic', 'required', 'verified', 'none', a table of them or a function" },
  ),
)

function checked(choose: (destination: string) => Level): (destination: string) => Level {
  return destination => {
    const level: unknown = choose(destination)
    const result = levelSchema().safeParse(level)
    if (result.success) return result.data
    throw new MailError('DRIVER_CONTRACT', `tls: got ${JSON.stringify(level)}, expected a level of TLS`)
  }
}

function lookUp(table: ReadonlyMap<string, Level>): (destination: string) => Level {
  return destination => {
    const exact = table.get(destination)
    if (exact) return exact
    for (let dot = destination.indexOf('.'); dot !== -1; dot = destination.indexOf('.', dot + 1)) {
      const level = table.get(`*${destination.slice(dot)}`)
      if (level) return level
    }
    return table.get('*') ?? 'opportunistic'
  }
}
