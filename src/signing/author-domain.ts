import { readAuthors } from '../message/authors.js'
import type { MessageHeader } from '../message/header.js'

/** The domain of the first author of a message, in A-labels; `undefined` where there is none that readers agree on. */
export function authorDomain(header: MessageHeader): string | undefined {
  return readAuthors(header)?.[0]?.domain
}
