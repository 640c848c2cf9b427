import { cleanFields } from './clean-fields.js'
import { escapeControls } from './escape-controls.js'
import { isThenable } from './is-thenable.js'

export { escapeControls }

/**
 * What the parts log to, by shape: `console`, pino and winston's npm levels fit as they are. The first
 * argument is a flat object of fields, the second the message. No field ever carries a credential.
 */
export interface Logger {
  /** For whoever looks for the cause of something. */
  debug(fields: object, message: string): void
  /** What happens in the ordinary course. */
  info(fields: object, message: string): void
  /** What the operator may want to look at. */
  warn(fields: object, message: string): void
  /** What went wrong here, and was not passed on to a caller. */
  error(fields: object, message: string): void
}

const ignore = () => {}

/** The default: says nothing. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }

const guarded = new WeakSet<Logger>([silentLogger])

/**
 * A logger that stands before the app's. It keeps secrets and line breaks out: fields whose names say that they
 * hold a secret are replaced, control characters are escaped, octets and objects with an inside of their own (a
 * socket, a map) are named and not shown, long text is cut. And it keeps the logger's failures from the mail: what
 * that throws goes no further. Guarding twice does nothing.
 */
export function guardLogger(logger: Logger): Logger {
  if (guarded.has(logger)) return logger
  // The default of an option may arrive as a copy.
  if (logger.debug === ignore) return silentLogger
  const guard = (level: keyof Logger) => (fields: object, message: string) => {
    try {
      const result: unknown = logger[level](cleanFields(fields), escapeControls(message))
      if (isThenable(result)) result.then(undefined, ignore)
    } catch {
      // There is nowhere left to tell it.
    }
  }
  const guarding = { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') }
  guarded.add(guarding)
  return guarding
}
