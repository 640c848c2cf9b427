import { guardLogger } from '../core/logger.js'
import { parseOptions } from '../core/options.js'
import { createMxTransport } from '../delivery/create-mx-transport.js'
import type { MxTransportOptions } from '../delivery/options.js'
import type { TlsResult } from '../delivery/tls-policy/host-tls.js'
import { storedStsCache } from '../delivery/tls-policy/stored-sts-cache.js'
import { createTlsReports, type TlsReportsOptions } from '../delivery/tls-report/create-tls-reports.js'
import { createDnsResolver } from '../dns/create-dns-resolver.js'
import { memoryStorage } from '../storage/memory/memory-storage.js'
import type { Storage } from '../storage/storage.js'
import type { DeliveryQueue } from './delivery-queue.js'
import { storedSuppressionList } from './operation/stored-suppression-list.js'
import { type DeliveryQueueOptions, deliveryQueueSchema, type GivenSettings } from './options.js'
import { StoredQueue } from './stored-queue.js'

/**
 * Creates the queue of outgoing mail. It delivers nothing before `start()`; messages are accepted from the first
 * moment. What was handed in stays open when the queue is closed, but for the transport; what it made itself is closed
 * with it.
 * @throws MailError `OPTION_INVALID`, `CERTIFICATE_UNREADABLE`.
 */
export function createDeliveryQueue(options: DeliveryQueueOptions): DeliveryQueue {
  const given = parseOptions('createDeliveryQueue', deliveryQueueSchema(), options)
  const storage = given.storage ?? memoryStorage()
  const { transport, close } = given.transport
    ? { transport: given.transport, close: async () => {} }
    : mxTransport(given, storage, mail => queue.send(mail))
  const { suppression, ...others } = given
  const list = suppression?.list ?? storedSuppressionList({ storage })
  const settings = {
    ...others,
    storage,
    transport,
    ...(suppression && { suppression: { ...suppression, list } }),
  }
  const queue: DeliveryQueue = new StoredQueue(settings, async () => {
    await transport.close()
    await close()
    if (!given.storage) await storage.close()
  })
  return queue
}

/** The default way out, and what closes its resolver. */
function mxTransport(given: GivenSettings, storage: Storage, send: TlsReportsOptions['send']) {
  const { hostname, clock, network, logger, random, delivery, tlsReports } = given
  const resolver = given.resolver ?? createDnsResolver()
  const around = { resolver, clock, network, logger }
  const reports =
    tlsReports === false
      ? undefined
      : createTlsReports({
          ...(tlsReports !== true && tlsReports),
          ...around,
          storage,
          hostname,
          random,
          send,
          allowPrivateAddresses: delivery?.allowPrivateAddresses ?? false,
        })
  if (reports && given.sign.length === 0) {
    const warning = 'TLS reports by mail are passed over by their receivers: nothing signs them (RFC 8460 §3)'
    guardLogger(logger).warn({ hostname }, warning)
  }
  const onTls = (result: TlsResult) => {
    reports?.record(result)
    delivery?.onTls?.(result)
  }
  const mtaSts = rememberPolicies(delivery?.mtaSts, given.storage)
  // Whatever EHLO says, a host called as the queue is this server.
  const isSelf = (host: string, addresses: readonly string[]) =>
    host === hostname || delivery?.isSelf?.(host, addresses) === true
  const transport = createMxTransport({
    hostname,
    ...delivery,
    isSelf,
    ...around,
    mtaSts,
    ...(reports && { onTls }),
  })
  const close = async () => {
    await reports?.close()
    if (!given.resolver) await resolver.close()
  }
  return { transport, close }
}

/** Policies protect while they are remembered (RFC 8461 §10.2): where nothing else is said, in the storage of the queue. */
function rememberPolicies(
  mtaSts: NonNullable<MxTransportOptions['mtaSts']> = true,
  storage: Storage | undefined,
): NonNullable<MxTransportOptions['mtaSts']> {
  if (mtaSts === false || !storage) return mtaSts
  return { cache: storedStsCache({ storage }), ...(mtaSts !== true && mtaSts) }
}
