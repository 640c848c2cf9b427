import { describe, expect, it } from 'vitest'
import { createMxTransport } from '../../src/delivery/create-mx-transport.js'
import type { MxTransportOptions } from '../../src/delivery/options.js'
import { createDnsZone } from '../../src/dns/zone/create-dns-zone.js'

const good = { resolver: createDnsZone(), hostname: 'mx.paris.test' }

describe('options of createMxTransport', () => {
  it.each([
    ['resolver', { resolver: {} }, 'resolver: expected a resolver with mx(), addresses()'],
    [
      'hostname',
      { hostname: 'mx paris' },
      'hostname: expected a name such as \'mx.example.test\', got "mx paris"',
    ],
    ['port', { port: 0 }, 'port: '],
    ['tls', { tls: 'sometimes' }, 'tls: '],
    ['timeouts', { timeouts: { dot: 'soon' } }, 'timeouts.dot: '],
    ['limits', { limits: { hosts: 0 } }, 'limits.hosts: '],
    ['connections', { connections: { idle: -1 } }, 'connections.idle: '],
    ['isSelf', { isSelf: true }, 'isSelf: '],
    ['an unknown one', { retries: 3 }, 'createMxTransport: '],
  ])('refuses a wrong %s by name', (_, wrong, problem) => {
    const create = () => createMxTransport({ ...good, ...wrong } as unknown as MxTransportOptions)
    expect(create).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining(problem) }),
    )
  })

  it('closes more than once', async () => {
    const transport = createMxTransport(good)
    await transport.close()
    await transport.close()
  })
})
