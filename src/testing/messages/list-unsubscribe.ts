import type { MessageHeader } from '../../message/header.js'

/** How readers of a message leave its list (RFC 2369 §3.2, RFC 8058). */
export interface ListUnsubscribe {
  /** `https:`, or else `http:`. */
  readonly url?: string
  /** `mailto:leave@example.test?subject=…`. */
  readonly mailto?: string
  /** Whether a POST to `url` does it, with no page between (RFC 8058 §3.1). */
  readonly oneClick: boolean
}

/** Reads `List-Unsubscribe` and `List-Unsubscribe-Post`. */
export function readListUnsubscribe(header: MessageHeader): ListUnsubscribe | undefined {
  const value = header.get('List-Unsubscribe')?.value
  if (value === undefined) return undefined
  const uris = [...value.matchAll(/<([^<>]*)>/g)].map(match => (match[1] ?? '').replace(/\s+/g, ''))
  // RFC 8058 §3.1 has one https URI among others, and RFC 2369 the first of those that a reader can use.
  const url = uris.find(uri => /^https:/i.test(uri)) ?? uris.find(uri => /^http:/i.test(uri))
  const mailto = uris.find(uri => /^mailto:/i.test(uri))
  const post = header.get('List-Unsubscribe-Post')?.value
  const oneClick = url !== undefined && /^https:/i.test(url) && post === oneClickBody
  return { ...(url !== undefined && { url }), ...(mailto !== undefined && { mailto }), oneClick }
}

/** What is posted (RFC 8058 §3.2). */
export const oneClickBody = 'List-Unsubscribe=One-Click'
