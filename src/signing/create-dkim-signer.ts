import { parseOptions } from '../core/options.js'
import { type MessageHeader, readHeader } from '../message/header.js'
import type { MessageSource } from '../message/message-source.js'
import { authorDomain } from './author-domain.js'
import type { MessageSigner } from './message-signer.js'
import { type DkimSignerOptions, dkimSignerSchema } from './options.js'
import { RelaxedBodyHash, relaxField } from './relaxed.js'
import { signatureField } from './signature.js'

/** RFC 6376 §5.4.1, and what mail programs act on since. */
const usualFields = [
  ...['From', 'Sender', 'Reply-To', 'Subject', 'Date', 'Message-ID', 'To', 'Cc', 'In-Reply-To', 'References'],
  ...['MIME-Version', 'Content-Type', 'Content-Transfer-Encoding', 'Content-ID', 'Content-Description'],
  ...['Resent-Date', 'Resent-From', 'Resent-Sender', 'Resent-To', 'Resent-Cc', 'Resent-Message-ID'],
  ...['List-Id', 'List-Help', 'List-Unsubscribe', 'List-Unsubscribe-Post', 'List-Subscribe', 'List-Post'],
  ...['List-Owner', 'List-Archive', 'Auto-Submitted'],
  ...['TLS-Required', 'TLS-Report-Domain', 'TLS-Report-Submitter'],
]

const usuallyOversigned = [
  ...['From', 'To', 'Cc', 'Subject', 'Reply-To', 'Date', 'Message-ID', 'In-Reply-To', 'References'],
  ...['MIME-Version', 'Content-Type', 'Content-Transfer-Encoding'],
]

/**
 * Creates a signer of mail (DKIM, RFC 6376, with Ed25519 of RFC 8463) for the queue. A message of our own is signed with
 * every key of the domain of its author, or else of the nearest domain above it; one of others never. The body is read
 * once, in pieces.
 * @throws MailError `OPTION_INVALID`.
 */
export function createDkimSigner(options: DkimSignerOptions): MessageSigner {
  const settings = parseOptions('createDkimSigner', dkimSignerSchema(), options)
  const { keys, signedFields = usualFields, oversignedFields = usuallyOversigned, expiresAfter } = settings
  const byDomain = groupByDomain(keys)
  // RFC 6376 §5.4: From is always signed.
  const oversigned = unique(oversignedFields)
  const wanted = unique(['from', ...signedFields, ...oversignedFields])
  return {
    sign: async (message, { ours, now }) => {
      if (!ours) return ''
      const header = await readHeader(message)
      const author = authorDomain(header)
      const found = author === undefined ? undefined : keysFor(author, byDomain)
      if (!found) return ''
      const signed = selectFields(header, wanted, new Set(oversigned))
      const bodyHash = await hashBody(message, header.size)
      const fields = found.map(key => signatureField({ ...key, ...signed, bodyHash, now, expiresAfter }))
      return (await Promise.all(fields)).join('')
    },
  }
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names.map(name => name.toLowerCase()))]
}

function groupByDomain<Key extends { domain: string }>(keys: readonly Key[]): Map<string, Key[]> {
  const groups = new Map<string, Key[]>()
  for (const key of keys) groups.set(key.domain, [...(groups.get(key.domain) ?? []), key])
  return groups
}

function keysFor<Keys>(domain: string, byDomain: ReadonlyMap<string, Keys>): Keys | undefined {
  for (let above = domain; above !== ''; above = above.slice(above.indexOf('.') + 1)) {
    const found = byDomain.get(above)
    if (found || !above.includes('.')) return found
  }
  return undefined
}

/** Fields of a name are signed from the last to the first (RFC 6376 §5.4.2); one more of an oversigned name is empty. */
function selectFields(header: MessageHeader, wanted: readonly string[], oversigned: ReadonlySet<string>) {
  const names: string[] = []
  let canonical = ''
  for (const name of wanted) {
    for (const field of header.all(name).toReversed()) {
      names.push(name)
      canonical += relaxField(field.raw)
    }
    if (oversigned.has(name)) names.push(name)
  }
  return { names, canonical }
}

async function hashBody(message: MessageSource, start: number): Promise<string> {
  const hash = new RelaxedBodyHash()
  for await (const chunk of message.open({ start })) hash.update(chunk)
  return hash.digest()
}
