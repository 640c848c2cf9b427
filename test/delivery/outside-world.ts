import type { Network } from '../../src/core/network.js'
import { createSimulatedNetwork } from '../../src/core/simulated-network.js'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import { createMxTransport } from '../../src/delivery/create-mx-transport.js'
import type { MxTransportOptions } from '../../src/delivery/options.js'
import type { Delivery, RecipientOutcome, Transport } from '../../src/delivery/transport.js'
import { createDnsZone } from '../../src/dns/zone/create-dns-zone.js'
import { bytesSource } from '../../src/message/sources.js'
import { createScriptedServer } from '../../src/testing/remote/create-scripted-server.js'
import type { Script } from '../../src/testing/remote/script.js'
import type { ScriptedServer } from '../../src/testing/remote/scripted-server.js'
import { testTls } from '../fixtures/tls.js'

/** A message of a few lines. */
export const letter = bytesSource('Subject: Hello\r\n\r\nHow are you?\r\n')

/** What to deliver, where it differs from one letter from `alice@paris.test` to `bob@rome.test`. */
export type Letter = Partial<Omit<Delivery, 'recipients'>> & {
  to?: Delivery['recipients'] | readonly string[]
}

/** An internet of scripted servers, seen by a transport on a virtual clock. */
export async function createOutsideWorld(options: Partial<MxTransportOptions> = {}) {
  const clock = createVirtualClock()
  const network = createSimulatedNetwork()
  const zone = createDnsZone()
  const servers: ScriptedServer[] = []
  let lastAddress = 9
  const outside: Network = network.host('192.0.2.1', '2001:db8::1')
  const transport: Transport = createMxTransport({
    resolver: zone,
    hostname: 'mx.paris.test',
    clock,
    network: outside,
    ...options,
  })

  /** Starts a server that has a name, and an address of its own unless one is given. */
  async function server(
    name: string,
    scripts: Script | readonly Script[] = {},
    address = `192.0.2.${++lastAddress}`,
  ) {
    zone.set(name, address.includes(':') ? { aaaa: address } : { a: address })
    const started = createScriptedServer({
      network: network.host(address),
      clock,
      tls: testTls,
      extensions: ['PIPELINING', '8BITMIME', 'SIZE 10000000'],
      script: scripts,
    })
    servers.push(started)
    await started.listen({ host: address, port: 25 })
    return Object.assign(started, { address })
  }

  /** Starts the one server of `rome.test`. */
  function rome(scripts: Script | readonly Script[] = {}) {
    zone.set('rome.test', { mx: [{ preference: 10, exchange: 'mx.rome.test' }] })
    return server('mx.rome.test', scripts)
  }

  function deliver({ to = ['bob@rome.test'], ...rest }: Letter = {}, signal = new AbortController().signal) {
    const recipients = to.map(one => (typeof one === 'string' ? { address: one } : one))
    return transport.deliver(
      {
        traceId: 'trace',
        destination: 'rome.test',
        envelope: { sender: 'alice@paris.test' },
        message: letter,
        attempt: 1,
        ...rest,
        recipients,
      },
      signal,
    )
  }

  /** Delivers to one recipient. */
  async function deliverOne(one: Letter = {}): Promise<RecipientOutcome> {
    const [outcome] = await deliver(one)
    if (!outcome) throw new Error('no outcome')
    return outcome
  }

  /** Delivers to one recipient while time passes. */
  async function deliverDuring(
    time: `${number}${'s' | 'm' | 'h'}`,
    one: Letter = {},
  ): Promise<RecipientOutcome> {
    const delivering = deliverOne(one)
    await clock.advance(time)
    return delivering
  }

  return {
    clock,
    network,
    /** The network as the transport sees it. */
    outside,
    zone,
    transport,
    server,
    rome,
    deliver,
    deliverOne,
    deliverDuring,
    async [Symbol.asyncDispose]() {
      await transport.close()
      await Promise.all(servers.map(one => one.close()))
    },
  }
}
