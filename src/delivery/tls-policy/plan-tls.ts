import { readHeader } from '../../message/header.js'
import type { AttemptEnd } from '../attempt-end.js'
import type { MailHosts } from '../find-mx.js'
import type { MxContext } from '../mx-attempt.js'
import type { Delivery } from '../transport.js'
import { DestinationTls } from './destination-tls.js'

/** Decides how a message is to travel to a destination, before it is known to which of its hosts. */
export async function planTls(
  context: Pick<MxContext, 'resolver' | 'clock' | 'port' | 'dane' | 'tls' | 'sts'>,
  delivery: Delivery,
  { secure, canonical }: Pick<MailHosts, 'secure' | 'canonical'>,
  end: Pick<AttemptEnd, 'signal'>,
): Promise<DestinationTls> {
  const { resolver, clock, port, dane, tls } = context
  const { destination, envelope, message } = delivery
  const level = tls(destination)
  const requireTls = envelope.requireTls === true
  const heeded = requireTls || level !== 'none'
  let waives: Promise<boolean> | undefined
  return new DestinationTls({
    resolver,
    now: () => clock.now(),
    port,
    end,
    dane,
    destination,
    ...(canonical !== undefined && { canonical }),
    secure,
    level,
    sts: heeded ? await context.sts?.find(destination, end.signal) : undefined,
    requireTls,
    waives: () => {
      waives ??= waivesTls(message)
      return waives
    },
  })
}

/**
 * Whether the sender would rather have the message arrive than wait for the policies of the receiver: `TLS-Required: No`
 * (RFC 8689 §3). What the operator asked for stands.
 */
async function waivesTls(message: Delivery['message']): Promise<boolean> {
  const header = await readHeader(message)
  return header.all('TLS-Required').some(field => /^no$/i.test(field.value.trim()))
}
