/**
 * What the parts log to, by shape: `console`, pino and winston's npm levels fit as they are. The first
 * argument is a flat object of fields, the second the message. No field ever carries a credential.
 */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const ignore = () => {}

/** The default: says nothing. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }

const secretField = /pass(word|phrase)?$|secret|token|credential|authorization|^pwd$|private.?key/i

/**
 * A logger that stands before another and keeps secrets and line breaks out of it: fields whose names
 * say that they hold a secret are replaced, control characters in text are escaped.
 */
export function guardLogger(logger: Logger): Logger {
  if (logger === silentLogger) return logger
  const guard = (level: keyof Logger) => (fields: object, message: string) =>
    logger[level](cleanFields(fields), escapeControls(message))
  return { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') }
}

/** Whether a field of this name holds a secret that belongs in no log and no error. */
export function isSecretField(name: string): boolean {
  return secretField.test(name)
}

function cleanFields(fields: object, depth = 0): Record<string, unknown> {
  const clean: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (isSecretField(name)) clean[name] = '[redacted]'
    else if (typeof value === 'string') clean[name] = escapeControls(value)
    else if (value instanceof Error) clean[name] = value
    else if (isPlainObject(value) && depth < 4) clean[name] = cleanFields(value, depth + 1)
    else clean[name] = value
  }
  return clean
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Text with control characters written as `\xNN`, so that it stays on its line in a log, a header or a reply. */
export function escapeControls(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    char => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
