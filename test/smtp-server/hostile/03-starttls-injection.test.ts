import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../../src/core/virtual-clock.js'
import { testTls } from '../../fixtures/tls.js'
import { plain, startHost } from '../mail-host.js'

describe('what is said before the TLS handshake', () => {
  it.each(['NOOP\r\n', 'NOO', 'EHLO evil.test\r\nMAIL FROM:<evil@other.test>\r\nRCP'])(
    'throws %j behind STARTTLS away',
    async injected => {
      const host = await startHost({ tls: testTls })
      const client = await host.hello()
      client.write(`STARTTLS\r\n${injected}`)
      await client.expect('220')
      await client.secure()
      await client.ask('RSET', '250 2.0.0')
      expect(client.pending).toBe('')
      await client.ask('MAIL FROM:<a@b.test>', '503 5.5.1')
    },
  )

  it('does not take plain commands that come after the 220 for a handshake', async () => {
    const host = await startHost({ tls: testTls })
    const client = await host.hello()
    await client.ask('STARTTLS', '220')
    client.write('MAIL FROM:<a@b.test>\r\n'.repeat(10))
    expect(await client.closed()).not.toMatch(/250/)
    const [closed] = host.told('session:closed').length
      ? host.told('session:closed')
      : [await host.next('session:closed')]
    expect(closed).toMatchObject({ reason: 'error' })
    await (await host.connect()).ask('NOOP', '250')
  })

  it('forgets hello, login and transaction', async () => {
    const host = await startHost({ tls: testTls, allowInsecureAuth: true })
    const client = await host.hello()
    await client.ask(`AUTH PLAIN ${plain('alice', 'secret')}`, '235')
    await client.ask('MAIL FROM:<alice@example.test>', '250')
    await client.ask('RCPT TO:<x@other.test>', '250')
    await client.ask('STARTTLS', '220')
    await client.secure()
    await client.ask('DATA', '503 5.5.1')
    await client.ask('MAIL FROM:<alice@example.test>', '503 5.5.1')
    await client.ask('EHLO client.test', '250')
    await client.ask('MAIL FROM:<alice@example.test>', '250')
    await client.ask('RCPT TO:<x@other.test>', '550 5.7.1')
    await client.ask('RSET', '250')
    await client.ask(`AUTH PLAIN ${plain('alice', 'secret')}`, '235')
  })

  it('cuts a client that never begins the handshake', async () => {
    const clock = createVirtualClock()
    const host = await startHost({ tls: testTls, clock })
    const client = await host.hello()
    await client.ask('STARTTLS', '220')
    await clock.advance('31s')
    expect(await client.closed()).toBe('')
    expect(host.told('session:closed')[0]).toMatchObject({ reason: 'timeout' })
  })

  it('cuts a client that never begins the handshake of an implicit listener', async () => {
    const clock = createVirtualClock()
    const host = await startHost({ tls: testTls, clock }, { tls: 'implicit' })
    const { Conversation } = await import('../conversation.js')
    const client = await Conversation.open(host.port)
    await clock.advance('31s')
    expect(await client.closed()).toBe('')
    expect(host.server.connections).toBe(0)
  })
})
