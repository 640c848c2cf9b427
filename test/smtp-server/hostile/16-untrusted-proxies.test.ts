import { describe, expect, it } from 'vitest'
import { testTls } from '../../fixtures/tls.js'
import { Conversation } from '../conversation.js'
import { startHost } from '../mail-host.js'

describe('PROXY, XCLIENT and XFORWARD', () => {
  it('are commands nobody knows from peers that are not trusted', async () => {
    const host = await startHost({ proxyProtocol: ['192.0.2.0/24'] })
    const client = await host.connect()
    await client.ask('PROXY TCP4 203.0.113.9 192.0.2.1 1000 25', '500 5.5.1')
    await client.ask('EHLO x', '250')
    await client.ask('XCLIENT ADDR=203.0.113.9 LOGIN=alice', '500 5.5.1')
    await client.ask('XFORWARD ADDR=203.0.113.9', '500 5.5.1')
    expect(host.told('session:opened')[0]).toMatchObject({ remoteAddress: '127.0.0.1' })
  })

  it('PROXY from a trusted peer names the client, whose limits then hold', async () => {
    const host = await startHost({
      proxyProtocol: ['127.0.0.0/8'],
      relayNetworks: ['127.0.0.1'],
      limits: { connectionsPerAddress: 1 },
    })
    const client = await Conversation.open(host.port)
    client.write('PROXY TCP4 203.0.113.9 192.0.2.1 1000 25\r\n')
    await client.expect('220')
    expect(host.told('session:opened')[0]).toMatchObject({ remoteAddress: '203.0.113.9', remotePort: 1000 })
    await client.ask('EHLO x', '250')
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<x@other.test>', '550 5.7.1')
    const second = await Conversation.open(host.port)
    second.write('PROXY TCP4 203.0.113.9 192.0.2.1 1001 25\r\n')
    expect(await second.closed()).toMatch(/^421 4\.7\.0/)
    const other = await Conversation.open(host.port)
    other.write('PROXY TCP6 2001:db8::9 2001:db8::1 1001 25\r\nEHLO y\r\n')
    await other.expect('220')
    await other.expect('250')
  })

  it('PROXY goes before the TLS handshake of an implicit listener', async () => {
    const host = await startHost({ tls: testTls, proxyProtocol: ['127.0.0.1'] }, { tls: 'implicit' })
    const client = await Conversation.open(host.port)
    client.write('PROXY TCP4 203.0.113.9 192.0.2.1 1000 465\r\n')
    await client.secure()
    await client.expect('220')
    expect(host.told('session:opened')[0]).toMatchObject({ remoteAddress: '203.0.113.9' })
  })

  it.each([
    'EHLO x\r\n',
    'PROXY TCP4 not-an-address 192.0.2.1 1000 25\r\n',
    'PROXY TCP4 203.0.113.9\r\n',
    `PROXY ${'x'.repeat(5_000)}`,
    '\r\n',
  ])('%j for a PROXY header ends the connection', async header => {
    const host = await startHost({ proxyProtocol: ['127.0.0.1'] })
    const client = await Conversation.open(host.port)
    client.write(header)
    expect(await client.closed()).not.toMatch(/^220/)
    client.destroy()
    while (host.server.connections > 0) await new Promise(resolve => setImmediate(resolve))
  })
})
