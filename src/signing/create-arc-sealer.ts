import { Readable } from 'node:stream'
import type { z } from 'zod'
import { MailError } from '../core/error.js'
import { guardLogger } from '../core/logger.js'
import { parseOptions } from '../core/options.js'
import type { Resolver } from '../dns/resolver.js'
import { readHeader } from '../message/header.js'
import type { MessageSource } from '../message/message-source.js'
import { assertMailauth, loadMailauth } from './load-mailauth.js'
import type { MessageSigner } from './message-signer.js'
import { type ArcSealerOptions, arcSealerSchema } from './options.js'

/**
 * Creates a sealer of forwarded mail (ARC, RFC 8617) for the queue, by the package mailauth: the next server sees what
 * this one knew of a message whose own signatures may not survive. What this server knew is the topmost
 * `Authentication-Results:` with its name, which a policy put above `Received:`; without one, the DKIM signatures and the
 * chain are looked at here. Mail of our own is not sealed, nor mail whose chain cannot be checked for now or has failed
 * before.
 * @throws MailError `OPTION_INVALID`; `DRIVER_MISSING` when mailauth is not installed.
 */
export function createArcSealer(options: ArcSealerOptions): MessageSigner {
  const settings = parseOptions('createArcSealer', arcSealerSchema(), options)
  assertMailauth('createArcSealer')
  const logger = guardLogger(settings.logger)
  return {
    sign: async (message, { ours, now, traceId }) => {
      if (ours) return ''
      try {
        return await seal(message, now, settings)
      } catch (error) {
        // A message that cannot be read is no reason to keep it from its recipient.
        logger.warn({ traceId, error }, 'a forwarded message was not sealed')
        return ''
      }
    },
  }
}

async function seal(
  message: MessageSource,
  now: number,
  settings: z.output<ReturnType<typeof arcSealerSchema>>,
) {
  const { domain, selector, privateKey, hostname, resolver } = settings
  const { authenticate } = await loadMailauth('createArcSealer')
  const dns = lookupFor(resolver)
  const key = {
    signingDomain: domain,
    selector,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
  const authResults = await ownResults(message, hostname)
  const { headers } = await authenticate(Readable.from(message.open(), { objectMode: false }), {
    mta: hostname,
    resolver: dns.lookup as never,
    disableDmarc: true,
    disableBimi: true,
    seal: { ...key, signTime: new Date(now), ...(authResults !== undefined && { authResults }) } as never,
  })
  return dns.failed() ? '' : sealOf(headers)
}

/**
 * The value of the topmost `Authentication-Results:`, if it is ours. Below the `Received:` that this server put on top
 * anybody may have written one with its name (RFC 8601 §5).
 */
async function ownResults(message: MessageSource, hostname: string): Promise<string | undefined> {
  const { fields } = await readHeader(message)
  const top = fields.find(({ name }) => /^(?:authentication-results|received)$/i.test(name))
  if (!top || /^received$/i.test(top.name)) return undefined
  const [server] = /^[^\s;]+/.exec(top.value) ?? []
  if (server?.toLowerCase() !== hostname.toLowerCase()) return undefined
  // mailauth signs, and gives, octets as characters.
  return Buffer.from(top.value).toString('latin1')
}

const sealFields = ['arc-seal', 'arc-message-signature', 'arc-authentication-results']

/** The three fields of a seal among those that mailauth would have put on top; `''` where it gave none. */
function sealOf(headers: string): string {
  const fields = headers.match(/^[^\s:]+:[^\n]*\n(?:[ \t][^\n]*\n)*/gm) ?? []
  const seal = fields.filter(field => sealFields.includes(field.slice(0, field.indexOf(':')).toLowerCase()))
  if (seal.length === 0) return ''
  if (seal.length !== sealFields.length || seal.some(field => field.startsWith('undefined'))) {
    throw new MailError('DRIVER_CONTRACT', `mailauth: got ${seal.length} fields of an ARC seal, expected 3`)
  }
  return seal.join('')
}

/** The lookup that mailauth asks for, in the form of `node:dns`, and whether one failed for now. */
function lookupFor(resolver: Resolver) {
  let hasFailed = false
  return {
    failed: () => hasFailed,
    lookup: async (name: string, type: string): Promise<string[][]> => {
      const answer = type === 'TXT' ? await resolver.txt(name) : undefined
      if (answer?.status === 'found') return answer.records.map(record => [record])
      hasFailed ||= answer?.status === 'temporary-failure'
      throw Object.assign(new Error(`no ${type} of ${name}`), { code: 'ENOTFOUND' })
    },
  }
}
