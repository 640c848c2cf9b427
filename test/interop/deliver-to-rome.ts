import { createMxTransport } from '../../src/delivery/create-mx-transport.js'
import type { RecipientOutcome } from '../../src/delivery/transport.js'
import { createDnsZone } from '../../src/dns/zone/create-dns-zone.js'
import { bytesSource } from '../../src/message/sources.js'
import { testTls } from '../fixtures/tls.js'

/** Delivers a letter to Bob and to somebody unknown, by a server for rome.test; what became of each, Bob first. */
export async function deliverToRome(port: number, letter: string): Promise<RecipientOutcome[]> {
  const transport = createMxTransport({
    resolver: createDnsZone({ 'rome.test': { mx: 'mx.rome.test' }, 'mx.rome.test': { a: '127.0.0.1' } }),
    hostname: 'mx.paris.test',
    port,
    allowPrivateAddresses: true,
    tlsOptions: { ca: testTls.cert },
  })
  const delivery = {
    traceId: 'trace',
    destination: 'rome.test',
    envelope: { sender: 'alice@paris.test', envid: 'QQ+1' },
    recipients: [{ address: 'bob@rome.test', notify: ['never'] as const }, { address: 'no@rome.test' }],
    message: bytesSource(letter),
    attempt: 1,
  }
  try {
    const outcomes = await transport.deliver(delivery, AbortSignal.timeout(15_000))
    return outcomes.toSorted((a, b) => a.recipient.localeCompare(b.recipient))
  } finally {
    await transport.close()
  }
}
