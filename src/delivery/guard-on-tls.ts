import { describeError } from '../core/error.js'
import { isThenable } from '../core/is-thenable.js'
import type { Logger } from '../core/logger.js'
import type { TlsResult } from './tls-policy/host-tls.js'

/** Keeps what `onTls` throws from the attempt, whose new connection would then be nobody's to close. It is logged. */
export function guardOnTls(
  onTls: (result: TlsResult) => unknown,
  logger: Logger,
): (result: TlsResult) => void {
  return result => {
    const failed = (error: unknown) =>
      logger.error({ domain: result.domain, error: describeError(error) }, 'onTls failed')
    try {
      const answer = onTls(result)
      if (isThenable(answer)) answer.then(undefined, failed)
    } catch (error) {
      failed(error)
    }
  }
}
