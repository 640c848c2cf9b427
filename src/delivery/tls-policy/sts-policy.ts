import { tryNormalizeDomainPattern } from '../../core/domain.js'

/** An MTA-STS policy (RFC 8461 §3.2). */
export interface StsPolicy {
  readonly mode: 'enforce' | 'testing' | 'none'
  /** Patterns of the hosts that may take mail: A-labels in lower case, `*.` first for any one label. */
  readonly mx: readonly string[]
  /** Seconds it may be kept. */
  readonly maxAge: number
}

/** Octets of a policy that are read (RFC 8461 §3.3 suggests a limit of 64 KB). */
export const largestPolicy = 65_536
const mostPatterns = 200
/** A year, the longest a policy may last (RFC 8461 §3.2). */
const longestAge = 31_557_600
const fieldLine = /^[ \t]*([a-z0-9][\w.-]{0,31})[ \t]*:(.*)$/i
/** Tried once a run of blanks, not at each of them: a policy may be nothing but blanks. */
const blanksAround = /^[ \t]+|(?<![ \t])[ \t]+$/g

/**
 * Reads a policy file. Of a key that comes twice the first counts, but for `mx`; keys that are not known are passed
 * over. `undefined` for what is none.
 */
export function parseStsPolicy(text: string): StsPolicy | undefined {
  const fields = new Map<string, string>()
  const mx: string[] = []
  for (const line of text.split(/\r?\n/)) {
    const [, key = '', rest = ''] = fieldLine.exec(line) ?? []
    const value = rest.replace(blanksAround, '')
    if (key === 'mx') mx.push(value)
    else if (key !== '' && !fields.has(key)) fields.set(key, value)
  }
  const mode = fields.get('mode')
  const age = fields.get('max_age') ?? ''
  if (fields.get('version') !== 'STSv1' || !/^\d{1,10}$/.test(age)) return undefined
  if (mode !== 'enforce' && mode !== 'testing' && mode !== 'none') return undefined
  const patterns = readPatterns(mx)
  if (!patterns || (patterns.length === 0 && mode !== 'none')) return undefined
  return { mode, mx: patterns, maxAge: Math.min(Number(age), longestAge) }
}

function readPatterns(values: readonly string[]): string[] | undefined {
  const patterns = values.slice(0, mostPatterns).map(tryNormalizeDomainPattern)
  return patterns.every(isHostPattern) ? patterns : undefined
}

function isHostPattern(pattern: string | undefined): pattern is string {
  return pattern !== undefined && !pattern.includes('[')
}

/** Whether a policy lets a host take mail (RFC 8461 §4.1): `*.` stands for exactly one label. */
export function isStsHost({ mx }: StsPolicy, host: string): boolean {
  const parent = host.slice(host.indexOf('.') + 1)
  return mx.some(pattern =>
    pattern.startsWith('*.') ? pattern.slice(2) === parent && parent !== host : pattern === host,
  )
}

/** The lines of a policy, as reports quote it (RFC 8460 §4.4). */
export function stsPolicyLines({ mode, mx, maxAge }: StsPolicy): string[] {
  return ['version: STSv1', `mode: ${mode}`, ...mx.map(one => `mx: ${one}`), `max_age: ${maxAge}`]
}

const recordField = /^[ \t]*([a-z0-9][\w.-]{0,31})=([!-:<>-~]+)[ \t]*$/i

/**
 * Reads the id of the one `_mta-sts` record (RFC 8461 §3.1). `undefined` where there is none, more than one, or one that is
 * not made as it should be.
 */
export function readStsId(records: readonly string[]): string | undefined {
  const [record, second] = records.filter(one => /^v=STSv1[ \t]*;/.test(one))
  if (record === undefined || second !== undefined) return undefined
  const fields = record.split(';').slice(1)
  if (/^[ \t]*$/.test(fields.at(-1) ?? '')) fields.pop()
  const read = fields.map(field => recordField.exec(field))
  const id = read.every(field => field) && read.find(field => field?.[1] === 'id')?.[2]
  return id && /^[A-Za-z0-9]{1,32}$/.test(id) ? id : undefined
}
