import { createTransport } from 'nodemailer'
import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import { createSmtpServer } from '../../src/smtp-server/create-smtp-server.js'
import type { SmtpServerOptions } from '../../src/smtp-server/options.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { createMailStore } from '../../src/store/create-mail-store.js'
import { testTls } from '../fixtures/tls.js'
import { Conversation } from './conversation.js'
import { deliver, plain, startHost, storingQueue, testAccounts } from './mail-host.js'

describe('options', () => {
  const good = {
    hostname: 'mx.example.test',
    domains: ['example.test'],
    accounts: testAccounts(),
    store: createMailStore(),
  }

  it.each<[string, object, RegExp]>([
    ['no hostname', { hostname: undefined }, /hostname/],
    ['a wrong hostname', { hostname: 'mx paris' }, /hostname/],
    ['an unknown option', { hostnme: 'x' }, /hostnme/],
    ['no domains', { domains: undefined }, /domains/],
    ['no accounts', { accounts: undefined }, /accounts/],
    ['no store', { store: undefined }, /store/],
    ['another storage', { queue: storingQueue(memoryStorage()) }, /queue/],
    ['a wrong duration', { policyTimeout: 'soon' }, /policyTimeout/],
    ['too few recipients', { limits: { recipients: 10 } }, /limits\.recipients/],
    ['a wrong network', { relayNetworks: ['10.0.0.0/33'] }, /relayNetworks/],
    ['a wrong banner', { banner: 'a\r\nb' }, /banner/],
    ['a wrong policy', { policies: [{}] }, /policies/],
  ])('%s is OPTION_INVALID', (_, wrong, names) => {
    const make = () => createSmtpServer({ ...good, ...wrong } as SmtpServerOptions)
    expect(make).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringMatching(names) }),
    )
  })

  it('an unreadable certificate is CERTIFICATE_UNREADABLE', () => {
    const make = () => createSmtpServer({ ...good, tls: { key: 'nowhere.pem', cert: testTls.cert } })
    expect(make).toThrow(expect.objectContaining({ code: 'CERTIFICATE_UNREADABLE' }))
  })

  it('TLS without a certificate, a port in use and a closed server are told', async () => {
    const host = await startHost()
    await expect(host.server.listen({ port: 0, tls: 'implicit' })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    })
    await expect(host.server.listen({ port: host.port, host: '127.0.0.1' })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
    })
    await host.server.close()
    await expect(host.server.listen({ port: 0 })).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('gives the queue its router, and starts it', async () => {
    const storage = memoryStorage()
    const calls: string[] = []
    const queue = Object.assign(storingQueue(storage), {
      start: async () => calls.push('start'),
      useRouter: () => calls.push('router'),
    })
    const server = createSmtpServer({ ...good, store: createMailStore({ storage }), queue: queue as never })
    await server.listen({ port: 0, host: '127.0.0.1' })
    expect(calls).toEqual(['router', 'start'])
    await server.close()
  })
})

describe('the greeting', () => {
  it('comes at once, and what came before it waits', async () => {
    const host = await startHost()
    const client = await Conversation.open(host.port)
    client.write('EHLO early\r\nNOOP\r\n')
    for (const code of ['220', '250', '250']) await client.expect(code)
    client.destroy()
  })

  it('names the host in A-labels', async () => {
    const host = await startHost({ hostname: 'mx.Bücher.test' })
    const client = await Conversation.open(host.port)
    await client.expect('220 mx.xn--bcher-kva.test ')
    client.destroy()
  })

  it('is held back by greetingDelay, and cuts off who cannot wait', async () => {
    const clock = createVirtualClock()
    const host = await startHost({ greetingDelay: '5s', clock })
    const early = await Conversation.open(host.port)
    early.send('EHLO early')
    expect(await early.closed()).toMatch(/^554 5\.5\.1/)
    expect(host.told('session:refused')).toMatchObject([{ reason: 'early-talker' }])
    const patient = await Conversation.open(host.port)
    await clock.advance('5s')
    await patient.expect('220')
    patient.destroy()
  })
})

describe('a TLS handshake that fails before there is a session', () => {
  it('is told of', async () => {
    const host = await startHost({ tls: testTls }, { tls: 'implicit' })
    const refused = new Promise(resolve => host.server.on('session:refused', resolve))
    const client = await Conversation.open(host.port)
    client.send('this is no TLS')
    expect(await refused).toMatchObject({
      ...{ reason: 'handshake', remoteAddress: '127.0.0.1', kind: 'smtp' },
      error: expect.stringMatching(/SSL|TLS/),
    })
    await client.closed()
    expect(host.told('session:opened')).toEqual([])
  })
})

describe('closing', () => {
  it('tells idle clients, lets a transaction end, takes nothing new', async () => {
    const host = await startHost()
    const idle = await host.hello()
    const busy = await host.hello()
    await busy.ask('MAIL FROM:<a@b.test>', '250')
    await busy.ask('RCPT TO:<alice@example.test>', '250')
    await busy.ask('DATA', '354')
    const closing = host.server.close({ grace: '10s' })
    expect(await idle.closed()).toMatch(/^421 4\.3\.2/)
    await expect(Conversation.open(host.port)).rejects.toThrow()
    busy.write('Subject: last\r\n\r\n.\r\n')
    await busy.expect('250 2.0.0')
    await busy.expect('421 4.3.2')
    await closing
    expect(await host.inbox('alice')).toHaveLength(1)
    await host.server.close()
  })

  it('cuts what does not end in time', async () => {
    const host = await startHost()
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await host.server.close({ grace: 20 })
    expect(await client.closed()).toBe('')
    expect(host.server.connections).toBe(0)
  })

  it('is what await using does', async () => {
    const host = await startHost()
    const client = await host.connect()
    await host.server[Symbol.asyncDispose]()
    expect(await client.closed()).toMatch(/^421/)
  })
})

describe('policies', () => {
  it('see the session, add headers, and refuse with their own words', async () => {
    const seen: unknown[] = []
    const host = await startHost({
      policies: [
        {
          name: 'first',
          connect: () => ({ action: 'continue', headers: ['X-Connect: yes'] }),
          rcpt: (session, mail, recipient) => {
            seen.push({ session, mail, recipient })
            return recipient.address.startsWith('bob') ? { action: 'defer' } : undefined
          },
          message: async (_, envelope, message) => ({
            action: 'continue',
            headers: [`X-Size: ${message.size}\r\n\tfor ${envelope.recipients.length}`],
          }),
        },
        {
          name: 'second',
          mail: (_, mail) => (mail.sender === 'spam@b.test' ? { action: 'reject' } : undefined),
        },
      ],
    })
    const client = await host.hello()
    await client.ask('MAIL FROM:<spam@b.test>', '550 5.7.1')
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<bob@example.test>', '451 4.7.1')
    await client.ask('RCPT TO:<alice@example.test>', '250')
    await client.ask('DATA', '354')
    client.write('x\r\n.\r\n')
    await client.expect('250')
    expect((await host.inbox('alice'))[0]).toMatch(
      /^Return-Path: .*\r\nX-Connect: yes\r\nX-Size: 3\r\n\tfor 1\r\nReceived: /,
    )
    expect(seen[0]).toMatchObject({
      session: { remoteAddress: '127.0.0.1', hello: 'client.test', extended: true, kind: 'smtp' },
      mail: { sender: 'a@b.test' },
      recipient: { address: 'bob@example.test' },
    })
  })

  it('refuse a connection, and a message', async () => {
    const closed = await startHost({
      policies: [
        {
          name: 'dnsbl',
          connect: () => ({ action: 'reject', reply: { code: 554, enhanced: '5.7.1', text: 'listed' } }),
        },
      ],
    })
    const turned = await Conversation.open(closed.port)
    expect(await turned.closed()).toBe('554 5.7.1 listed\r\n')
    const host = await startHost({ policies: [{ name: 'scanner', message: () => ({ action: 'reject' }) }] })
    await deliver(await host.hello(), { expect: '550 5.7.1' })
    expect(host.batches).toHaveLength(0)
  })

  it('log a user out whom the auth phase refuses', async () => {
    const host = await startHost({
      allowInsecureAuth: true,
      policies: [{ name: 'no', auth: () => ({ action: 'reject' }) }],
    })
    const client = await host.hello()
    await client.ask(`AUTH PLAIN ${plain('alice', 'secret')}`, '550 5.7.1')
    await client.ask('MAIL FROM:<alice@example.test>', '250')
    await client.ask('RCPT TO:<x@other.test>', '550 5.7.1')
  })
})

describe('nodemailer as a client', () => {
  it('delivers over STARTTLS with AUTH, pooled, with dots and UTF-8', async () => {
    const host = await startHost({ tls: testTls }, { kind: 'submission' })
    const transport = createTransport({
      host: '127.0.0.1',
      port: host.port,
      pool: true,
      requireTLS: true,
      tls: { rejectUnauthorized: false },
      auth: { user: 'alice', pass: 'secret' },
    })
    for (let index = 0; index < 5; index++) {
      await transport.sendMail({
        from: 'alice@example.test',
        to: ['bob@example.test', 'someone@other.test'],
        subject: `número ${index}`,
        text: '.\n..\nend',
      })
    }
    transport.close()
    const messages = await host.inbox('bob')
    expect(messages).toHaveLength(5)
    expect(messages[0]).toMatch(/\r\n\.\r\n\.\.\r\nend/)
    expect(host.batches[4]?.queued?.recipients).toMatchObject([{ address: 'someone@other.test' }])
  })
})
