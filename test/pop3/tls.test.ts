import { once } from 'node:events'
import tls from 'node:tls'
import { describe, expect, it } from 'vitest'
import { type Network, nodeNetwork } from '../../src/core/network.js'
import { testTls, testTlsFiles } from '../fixtures/tls.js'
import { dialSilently, dialTls, pop3 } from './dialogue.js'

const secured = { tls: testTls, allowInsecureAuth: false, messages: ['Subject: one\r\n\r\nHello\r\n'] }

describe('STLS (RFC 2595)', () => {
  it('is on offer until TLS stands; then passwords are taken', async () => {
    const { connect, next } = await pop3(secured)
    const entered = next('session:authenticated')
    const client = await connect()
    expect(await client.askMany('CAPA')).toContain('STLS')
    expect(await client.ask('STLS')).toMatch(/^\+OK/)
    await client.startTls()
    const capabilities = await client.askMany('CAPA')
    expect(capabilities).toContain('SASL PLAIN LOGIN')
    expect(capabilities).not.toContain('STLS')
    expect(await client.ask('STLS')).toMatch(/^-ERR/)
    expect(await client.login()).toMatch(/^\+OK 1 /)
    expect(await client.askMany('RETR 1')).toEqual(['Subject: one', '', 'Hello'])
    expect(await client.ask('QUIT')).toMatch(/^\+OK/)
    await client.end()
    expect((await entered).secure).toBe(true)
  })

  it('is not on offer on a listener without it', async () => {
    const { connect } = await pop3({ ...secured, listen: { tls: 'none' } })
    const client = await connect()
    expect(await client.askMany('CAPA')).not.toContain('STLS')
    expect(await client.ask('STLS')).toMatch(/^-ERR/)
  })

  it('takes no argument', async () => {
    const { connect } = await pop3(secured)
    expect(await (await connect()).ask('STLS now')).toMatch(/^-ERR/)
  })
})

describe('implicit TLS (RFC 8314)', () => {
  it('speaks TLS from the first octet, beside other listeners', async () => {
    const { server, connect } = await pop3(secured)
    const listener = await server.listen({ port: 0, host: '127.0.0.1', tls: 'implicit' })
    const client = await dialTls(listener)
    expect(await client.askMany('CAPA')).not.toContain('STLS')
    expect(await client.login()).toMatch(/^\+OK 1 /)
    expect(await client.ask('QUIT')).toMatch(/^\+OK/)
    await client.end()
    expect(await (await connect()).ask('QUIT')).toMatch(/^\+OK/)
  })

  it('takes a handshake that began before the network handed the connection over', async () => {
    const network: Network = {
      ...nodeNetwork,
      listen: (where, accept) =>
        nodeNetwork.listen(where, (socket, peer) => {
          socket.once('readable', () => accept(socket, peer))
        }),
    }
    const { listener } = await pop3({ ...secured, network, listen: { tls: 'implicit' } })
    expect(await (await dialTls(listener)).login()).toMatch(/^\+OK/)
  })

  it('ends a connection that speaks no TLS, and gives its place back', async () => {
    const { listener, next } = await pop3({ ...secured, maxConnections: 1, listen: { tls: 'implicit' } })
    const closed = next('session:closed')
    const client = await dialSilently(listener)
    client.send('USER alice', 'PASS secret')
    expect(await client.end()).not.toContain('+OK')
    expect((await closed).reason).toBe('tls')
    expect(await (await dialTls(listener)).login()).toMatch(/^\+OK/)
  })
})

describe('TLS options', () => {
  it('take PEM text and paths alike', async () => {
    const { connect } = await pop3({ ...secured, tls: testTlsFiles })
    const client = await connect()
    await client.ask('STLS')
    await client.startTls()
    expect(await client.ask('QUIT')).toMatch(/^\+OK/)
  })

  it('fail at once with CERTIFICATE_UNREADABLE', async () => {
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
    for (const pair of [
      { ...testTls, cert: broken },
      { ...testTls, key: '/no/such/file' },
      { ...testTls, key: 'not a key' },
    ]) {
      await expect(pop3({ tls: pair })).rejects.toMatchObject({ code: 'CERTIFICATE_UNREADABLE' })
    }
  })

  it('are needed to listen with TLS', async () => {
    const { server } = await pop3()
    const listening = server.listen({ port: 0, host: '127.0.0.1', tls: 'implicit' })
    await expect(listening).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })

  it('refuse versions older than asked for', async () => {
    const { server } = await pop3({ ...secured, tls: { ...testTls, minVersion: 'TLSv1.3' } })
    const { port } = await server.listen({ port: 0, host: '127.0.0.1', tls: 'implicit' })
    const old = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion: 'TLSv1.2' })
    const [error] = await once(old, 'error')
    expect(error.code).toMatch(/PROTOCOL_VERSION/)
  })
})
