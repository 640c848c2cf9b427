import { z } from 'zod'
import { lazy } from '../../../core/options.js'
import type { MessageCriteria, TextMatch } from '../../waiting/criteria.js'

const longest = 10_000

const textSchema = lazy(() =>
  z
    .union([z.string().max(longest), z.strictObject({ contains: z.string().max(longest) })])
    .describe('A whole value (text and html: a part), or `{ "contains": "…" }` for a part in any case.'),
)

/** Which messages are meant, as JSON. All that is given must hold. */
export const criteriaSchema = lazy(() =>
  z.strictObject({
    to: textSchema().optional().describe('An envelope recipient.'),
    from: textSchema().optional().describe('The envelope sender or an author.'),
    subject: textSchema().optional(),
    text: textSchema().optional(),
    html: textSchema().optional(),
    headers: z.record(z.string(), z.union([textSchema(), z.boolean()])).optional(),
    attachment: z.string().max(longest).optional().describe('The file name of one.'),
  }),
)

/** Criteria of a query: parts in any case. */
export const searchSchema = lazy(() =>
  z.strictObject({
    to: z.string().optional(),
    from: z.string().optional(),
    subject: z.string().optional(),
    text: z.string().optional(),
    after: z.coerce.number().int().min(0).default(0).describe('Only messages with a number above this.'),
    limit: z.coerce.number().int().min(1).max(1_000).default(100),
    order: z.enum(['oldest', 'newest']).default('oldest').describe('Which come first.'),
  }),
)

/** {@link criteriaSchema} as waits take it. */
export function criteriaOf(given: z.output<ReturnType<typeof criteriaSchema>>): MessageCriteria {
  const { headers, attachment, ...texts } = given
  const criteria: MessageCriteria = {}
  for (const [name, match] of Object.entries(texts)) {
    if (match !== undefined) criteria[name as keyof typeof texts] = textOf(match)
  }
  if (attachment !== undefined) criteria.attachment = attachment
  if (headers) {
    const fields = Object.entries(headers).map(([name, match]) => [name, wanted(match)] as const)
    criteria.headers = Object.fromEntries(fields)
  }
  return criteria
}

/** Parts of texts, in any case, as a search wants them. */
export function searchOf({
  after: _,
  limit: __,
  order: ___,
  ...given
}: z.output<ReturnType<typeof searchSchema>>): MessageCriteria {
  const parts = Object.entries(given).filter(([, value]) => value !== undefined && value !== '')
  return Object.fromEntries(parts.map(([name, value]) => [name, containing(String(value))]))
}

type GivenText = z.output<ReturnType<typeof textSchema>>

function wanted(match: GivenText | boolean): TextMatch | boolean {
  return typeof match === 'boolean' ? match : textOf(match)
}

function textOf(match: GivenText): TextMatch {
  return typeof match === 'string' ? match : containing(match.contains)
}

function containing(part: string): TextMatch {
  const lower = part.toLowerCase()
  return text => text.toLowerCase().includes(lower)
}
