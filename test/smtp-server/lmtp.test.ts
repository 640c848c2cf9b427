import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Conversation } from './conversation.js'
import { startHost } from './mail-host.js'

describe('LMTP (RFC 2033)', () => {
  it('is greeted with LHLO and answers for each recipient', async () => {
    const host = await startHost({}, { kind: 'lmtp' })
    const client = await host.connect()
    await client.ask('EHLO x', '500 5.5.1')
    await client.ask('HELO x', '500 5.5.1')
    await client.ask('LHLO x', /^250-[\s\S]*PIPELINING[\s\S]*8BITMIME[\s\S]*ENHANCEDSTATUSCODES/)
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<alice@example.test>', '250')
    await client.ask('RCPT TO:<nobody@example.test>', '550 5.1.1')
    await client.ask('RCPT TO:<carol@example.test>', '250')
    await client.ask('RCPT TO:<bob@example.test>', '250')
    await client.ask('DATA', '354')
    client.write(`${'x'.repeat(2_000)}\r\n.\r\n`)
    await client.expect('250 2.0.0')
    await client.expect('552 5.2.2')
    await client.expect('250 2.0.0')
    await client.ask('NOOP', '250')
    expect(await host.inbox('alice')).toHaveLength(1)
    expect((await host.inbox('bob'))[0]).toMatch(/with LMTP/)
    expect(await host.inbox('carol')).toHaveLength(0)
  })

  it('answers for every RCPT that was taken, for one recipient named twice as well', async () => {
    const host = await startHost({}, { kind: 'lmtp' })
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<alice@example.test>', '250')
    await client.ask('RCPT TO:<carol@example.test>', '250')
    await client.ask('RCPT TO:<Alice@EXAMPLE.test>', '250')
    await client.ask('DATA', '354')
    client.write(`${'x'.repeat(2_000)}\r\n.\r\n`)
    await client.expect('250 2.0.0')
    await client.expect('552 5.2.2')
    await client.expect('250 2.0.0')
    await client.ask('NOOP', '250')
    expect(await host.inbox('alice')).toHaveLength(1)
  })

  it('gives a refusal of the message to each recipient', async () => {
    const host = await startHost({ limits: { messageSize: 10 } }, { kind: 'lmtp' })
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<alice@example.test>', '250')
    await client.ask('RCPT TO:<bob@example.test>', '250')
    await client.ask('DATA', '354')
    client.write('more than that\r\n.\r\n')
    await client.expect('552 5.3.4')
    await client.expect('552 5.3.4')
    await client.ask('NOOP', '250')
  })

  it('never relays, whoever asks', async () => {
    const host = await startHost({ relayNetworks: ['127.0.0.0/8'] }, { kind: 'lmtp' })
    const client = await host.hello()
    await client.ask('AUTH PLAIN', '502 5.5.1')
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<x@other.test>', '550 5.7.1')
  })

  it('is spoken over a unix socket, beside TCP', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'posthorn-'))
    try {
      const host = await startHost({ limits: { connectionsPerAddress: 1 } })
      const path = join(directory, 'lmtp')
      await host.server.listen({ path, kind: 'lmtp' })
      expect(host.server.listeners).toHaveLength(2)
      const first = await Conversation.openPath(path)
      const second = await Conversation.openPath(path)
      await first.expect(/^220 mx\.example\.test LMTP/)
      await second.expect('220')
      await first.ask('LHLO x', '250')
      await (await host.connect()).ask('LHLO x', '500')
      first.destroy()
      second.destroy()
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})
