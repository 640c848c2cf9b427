import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { HttpError } from './request.js'

/**
 * Lets in tools, and pages of this very server. A page of another site that a developer looks at must neither read the
 * mail here nor change anything: not by a request of its own (`Origin`, `Sec-Fetch-Site`), and not by a name that was
 * made to point here, which is what DNS rebinding does (`Host`).
 * @throws HttpError 403, 421.
 */
export function refuseForeign({ headers }: IncomingMessage, allowHosts: readonly string[]): void {
  const name = hostName(headers.host ?? '')
  if (name === undefined || !(isIP(name) !== 0 || name === 'localhost' || allowHosts.includes(name))) {
    throw new HttpError(
      421,
      'reach this server by its address, by localhost, or by a name given to --allow-host',
    )
  }
  const { origin } = headers
  if (origin !== undefined && origin !== `http://${headers.host}`) {
    throw new HttpError(403, 'pages of other sites have no access')
  }
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw new HttpError(403, 'pages of other sites have no access')
  }
}

function hostName(host: string): string | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(host)
  return (match?.[1] ?? match?.[2])?.toLowerCase()
}
