import { escapeControls } from './escape-controls.js'

const secretField =
  /pass(word|phrase|wd|code)|pass$|secret|token|credential|authorization|^(pwd|cookie)$|(private|api).?key/i

/** Whether a field of this name holds a secret that belongs in no log and no error. */
export function isSecretField(name: string): boolean {
  return secretField.test(name)
}

const deepest = 4
const longestText = 2000
const longestList = 100

/** A copy of log fields that holds no secret, no control character, and nothing without bounds. */
export function cleanFields(fields: object): Record<string, unknown> {
  return cleanObject(fields, 0)
}

function cleanObject(fields: object, depth: number): Record<string, unknown> {
  const entries = Object.entries(fields).slice(0, longestList)
  // fromEntries makes an own property of `__proto__` too.
  return Object.fromEntries(
    entries.map(([name, value]) => [
      escapeControls(name),
      isSecretField(name) ? '[redacted]' : cleanValue(value, depth),
    ]),
  )
}

function cleanValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cleanText(value)
  if (typeof value === 'function') return '[function]'
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return value
  if (value instanceof Uint8Array) return `[${value.length} octets]`
  if (depth >= deepest) return '[…]'
  if (value instanceof Error) return cleanError(value, depth + 1)
  if (Array.isArray(value)) return value.slice(0, longestList).map(entry => cleanValue(entry, depth + 1))
  return isPlainObject(value) ? cleanObject(value, depth + 1) : `[${className(value)}]`
}

/** An error as fields, its stack one entry a line: a message cannot pass for a frame or begin a line of its own. */
function cleanError(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error
  const frames = (stack ?? '').split('\n').filter(line => /^\s+at /.test(line))
  return {
    name: cleanText(String(name)),
    ...cleanObject({ ...error }, depth),
    message: cleanText(String(message)),
    stack: frames.slice(0, longestList).map(frame => cleanText(frame.trim())),
    ...(cause === undefined ? {} : { cause: cleanValue(cause, depth) }),
  }
}

function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function className(value: object): string {
  const maker: unknown = value.constructor
  return typeof maker === 'function' ? cleanText(maker.name) : 'object'
}

function cleanText(text: string): string {
  return escapeControls(text.length > longestText ? `${text.slice(0, longestText)}…` : text)
}
