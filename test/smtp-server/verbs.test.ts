import { describe, expect, it } from 'vitest'
import { testTls } from '../fixtures/tls.js'
import { deliver, plain, startHost } from './mail-host.js'

describe('greeting and hello', () => {
  it('greets with its name and speaks ESMTP', async () => {
    const host = await startHost({ banner: 'at your service' })
    const client = await host.connect()
    expect(await client.ask('EHLO client.test', '250')).toBe(
      [
        '250-mx.example.test',
        '250-PIPELINING',
        '250-SIZE 26214400',
        '250-8BITMIME',
        '250-SMTPUTF8',
        '250-ENHANCEDSTATUSCODES',
        '250-DSN',
        '250 LIMITS RCPTMAX=1000',
      ].join('\r\n'),
    )
    expect(await client.ask('HELO client.test', '250')).toBe('250 mx.example.test')
  })

  it('offers STARTTLS in the clear only, and AUTH and REQUIRETLS under TLS only', async () => {
    const host = await startHost({ tls: testTls })
    const client = await host.connect()
    const clear = await client.ask('EHLO client.test', '250')
    expect(clear).toMatch(/STARTTLS/)
    expect(clear).not.toMatch(/AUTH|REQUIRETLS/)
    await client.ask('STARTTLS', '220 2.0.0')
    await client.secure()
    const secure = await client.ask('EHLO client.test', '250')
    expect(secure).toMatch(/AUTH PLAIN LOGIN/)
    expect(secure).toMatch(/REQUIRETLS/)
    expect(secure).not.toMatch(/STARTTLS/)
    await client.ask('STARTTLS', '503 5.5.1')
    expect(host.told('session:secured')[0]).toMatchObject({ version: 'TLSv1.3' })
  })

  it('wants a name that can stand in a header', async () => {
    const client = await (await startHost()).connect()
    await client.ask('EHLO', '501 5.5.4')
    await client.ask('EHLO two words', '501 5.5.4')
    await client.ask('EHLO jürgen', '501 5.5.4')
    await client.ask(`EHLO ${'x'.repeat(256)}`, '501 5.5.4')
    await client.ask('MAIL FROM:<a@b.test>', '503 5.5.1')
    await client.ask('EHLO [127.0.0.1]', '250')
  })

  it('ends a transaction at a second EHLO (RFC 5321 §4.1.4)', async () => {
    const client = await (await startHost()).hello()
    await client.ask('MAIL FROM:<a@b.test>', '250 2.1.0')
    await client.ask('EHLO client.test', '250')
    await client.ask('RCPT TO:<alice@example.test>', '503 5.5.1')
  })

  it('speaks TLS from the start on an implicit listener', async () => {
    const host = await startHost({ tls: testTls }, { tls: 'implicit' })
    const client = await host.hello({ tls: true })
    await deliver(client)
    expect((await host.inbox('alice'))[0]).toMatch(/with ESMTPS\s+\(TLSv1.3 TLS_AES_256_GCM_SHA384\)/)
  })
})

describe('small verbs', () => {
  it('answers each with its own code', async () => {
    const client = await (await startHost()).connect()
    await client.ask('NOOP', '250 2.0.0')
    await client.ask('noop with words', '250 2.0.0')
    await client.ask('RSET', '250 2.0.0')
    await client.ask('RSET now', '501 5.5.4')
    await client.ask('VRFY alice', '252 2.1.5')
    await client.ask('VRFY', '501 5.5.4')
    await client.ask('EXPN list', '502 5.5.1')
    await client.ask('HELP', /^214-2\.0\.0 Commands/)
    await client.ask('WIZ', '500 5.5.1')
    await client.ask('SHELL', '500 5.5.1')
    await client.ask('KILL', '500 5.5.1')
    await client.ask('TURN', '500 5.5.1')
    await client.ask('', '500 5.5.1')
    await client.ask('STARTTLS', '502 5.5.1')
    await client.ask('AUTH PLAIN', '503 5.5.1')
    await client.ask('LHLO client.test', '500 5.5.1')
    await client.ask('QUIT', '221 2.0.0')
    await client.closed()
  })

  it('sends web browsers away', async () => {
    const client = await (await startHost()).connect()
    client.write('POST / HTTP/1.1\r\nHost: mx\r\n\r\nMAIL FROM:<a@b.test>\r\n')
    await client.expect('554 5.5.1')
    expect(await client.closed()).toBe('')
  })

  it('says goodbye and runs nothing that was pipelined behind QUIT', async () => {
    const host = await startHost()
    const client = await host.hello()
    client.write('QUIT\r\nMAIL FROM:<a@b.test>\r\n')
    await client.expect('221')
    expect(await client.closed()).toBe('')
  })
})

describe('MAIL', () => {
  it('reads the path', async () => {
    const client = await (await startHost()).hello()
    for (const path of [
      '<>',
      '<a@b.test>',
      '<"john smith"@b.test>',
      '<"a@b"@c.test>',
      '<"a>b"@c.test>',
      '<a@[192.0.2.1]>',
      '<a@[IPv6:2001:db8::1]>',
      '<@relay.test,@hop.test:a@b.test>',
      ' <a@b.test>',
    ]) {
      await client.ask(`MAIL FROM:${path}`, '250 2.1.0')
      await client.ask('RSET', '250')
    }
    await client.ask('mail from:<a@b.test>', '250 2.1.0')
  })

  it('refuses what is no path', async () => {
    const client = await (await startHost({ limits: { errors: 100 } })).hello()
    for (const line of [
      'MAIL',
      'MAIL FROM',
      'MAIL FROM:',
      'MAIL TO:<a@b.test>',
      'MAIL FROM:a@b.test',
      'MAIL FROM:<a@b',
    ]) {
      await client.ask(line, '501 5.5.4')
    }
    for (const path of [
      '<a>',
      '<a@>',
      '<@b.test>',
      '<a b@c.test>',
      '<a@b..test>',
      '<a@b.test.>',
      '<.a@b.test>',
    ]) {
      await client.ask(`MAIL FROM:${path}`, '501 5.1.7')
    }
    await client.ask('MAIL FROM:<jürgen@b.test>', '553 5.6.7')
    await client.ask('MAIL FROM:<a@münchen.test>', '553 5.6.7')
  })

  it('reads its parameters and knows no others', async () => {
    const client = await (await startHost({ limits: { errors: 100 } })).hello()
    for (const parameters of [
      'SIZE=1000',
      'BODY=8BITMIME SMTPUTF8',
      'body=7bit',
      'RET=HDRS ENVID=QQ+2B314159',
      'AUTH=<>',
      'AUTH=e+3Dmc2@b.test',
    ]) {
      await client.ask(`MAIL FROM:<a@b.test> ${parameters}`, '250 2.1.0')
      await client.ask('RSET', '250')
    }
    for (const parameters of [
      'SIZE',
      'SIZE=abc',
      'SIZE=1 SIZE=1',
      'BODY=BINARYMIME',
      'SMTPUTF8=yes',
      'RET=SOME',
      'ENVID=',
      'ENVID=a=b',
      'ENVID=a+0D+0Ab',
      '=x',
    ]) {
      await client.ask(`MAIL FROM:<a@b.test> ${parameters}`, '501 5.5.4')
    }
    await client.ask('MAIL FROM:<a@b.test> FOO=bar', '555 5.5.4')
    await client.ask('MAIL FROM:<a@b.test> REQUIRETLS', '555 5.5.4')
    await client.ask('MAIL FROM:<a@b.test> SIZE=26214401', '552 5.3.4')
    await client.ask('MAIL FROM:<a@b.test>SIZE=1', '501 5.5.4')
  })

  it('takes no parameters after HELO, and no second MAIL', async () => {
    const client = await (await startHost()).connect()
    await client.ask('HELO client.test', '250')
    await client.ask('MAIL FROM:<a@b.test> SIZE=1', '555 5.5.4')
    await client.ask('MAIL FROM:<a@b.test>', '250 2.1.0')
    await client.ask('MAIL FROM:<a@b.test>', '503 5.5.1')
  })
})

describe('RCPT', () => {
  it('takes local recipients, quoted, tagged and bare postmaster', async () => {
    const client = await (await startHost()).hello()
    await client.ask('RCPT TO:<alice@example.test>', '503 5.5.1')
    await client.ask('MAIL FROM:<>', '250')
    for (const path of [
      '<alice@example.test>',
      '<ALICE@EXAMPLE.TEST>',
      '<alice+tag@example.test>',
      '<"al ice@home"@example.test>',
      '<@relay.test:bob@example.test>',
      '<postmaster>',
      '<Postmaster@example.test>',
    ]) {
      await client.ask(`RCPT TO:${path}`, '250 2.1.5')
    }
  })

  it('refuses unknown users, other domains and what is no address', async () => {
    const host = await startHost()
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<nobody@example.test>', '550 5.1.1')
    await client.ask('RCPT TO:<x@other.test>', '550 5.7.1')
    await client.ask('RCPT TO:<>', '501 5.1.3')
    await client.ask('RCPT TO:<x@y@example.test>', '501 5.1.3')
    await client.ask('RCPT TO:<jürgen@example.test>', '553 5.6.7')
    await client.ask('RCPT', '501 5.5.4')
    await client.ask('DATA', '503 5.5.1')
    expect(host.told('recipient:rejected').map(event => event['recipient'])).toEqual([
      'nobody@example.test',
      'x@other.test',
    ])
  })

  it('reads DSN parameters', async () => {
    const host = await startHost()
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test> RET=FULL ENVID=abc+2Bdef', '250')
    await client.ask(
      'RCPT TO:<alice@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;old+2Baddr@b.test',
      '250',
    )
    await client.ask('RCPT TO:<bob@example.test> NOTIFY=NEVER', '250')
    for (const parameters of [
      'NOTIFY=',
      'NOTIFY=NEVER,SUCCESS',
      'NOTIFY=MAYBE',
      'ORCPT=rfc822',
      'ORCPT=rfc822;a+0Ab',
    ]) {
      await client.ask(`RCPT TO:<carol@example.test> ${parameters}`, '501 5.5.4')
    }
    await client.ask('RCPT TO:<carol@example.test> FOO', '555 5.5.4')
    await client.ask('DATA', '354')
    client.write('\r\n.\r\n')
    await client.expect('250')
    expect(host.told('message:accepted')[0]).toMatchObject({
      envelope: {
        sender: 'a@b.test',
        ret: 'full',
        envid: 'abc+def',
        recipients: [
          {
            address: 'alice@example.test',
            notify: ['success', 'delay'],
            originalRecipient: 'rfc822;old+addr@b.test',
          },
          { address: 'bob@example.test', notify: ['never'] },
        ],
      },
    })
  })

  it.each([
    ['b\\x{F6}b\\x{2B}x@b.test', 'böb+x@b.test'],
    ['zoë\\x{f6}\\x{1F4E8}@b.test', 'zoëö📨@b.test'],
    ['"a\\x{20}b"@b.test', '"a b"@b.test'],
    [
      'a\\x{0D}\\x{202E}\\x{D800}\\x{FFFFFF}\\x{é}\\@b.test',
      'a\\x{0D}\\x{202E}\\x{D800}\\x{FFFFFF}\\x{é}\\@b.test',
    ],
  ])('reads the escapes of RFC 6533 in ORCPT, but hidden characters: %s', async (written, address) => {
    const host = await startHost()
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test> SMTPUTF8', '250')
    await client.ask(`RCPT TO:<alice@example.test> ORCPT=UTF-8;${written}`, '250')
    await client.ask('DATA', '354')
    client.write('\r\n.\r\n')
    await client.expect('250')
    expect(host.told('message:accepted')[0]).toMatchObject({
      envelope: { recipients: [{ originalRecipient: `UTF-8;${address}` }] },
    })
  })

  it('takes UTF-8 with SMTPUTF8', async () => {
    const host = await startHost()
    const client = await host.hello()
    await client.ask('MAIL FROM:<größe@b.test> SMTPUTF8', '250')
    await client.ask('RCPT TO:<jürgen@example.test>', '250')
    await client.ask('RCPT TO:<alice@example.test> ORCPT=utf-8;zoë@b.test', '250')
    await client.ask('DATA', '354')
    client.write('\r\n.\r\n')
    await client.expect('250')
    expect(host.told('message:accepted')[0]).toMatchObject({
      envelope: {
        sender: 'größe@b.test',
        smtputf8: true,
        recipients: [{}, { originalRecipient: 'utf-8;zoë@b.test' }],
      },
    })
  })

  it('lets a transaction have so many recipients, and says when to stop', async () => {
    const host = await startHost({ limits: { recipients: 100 } })
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test>', '250')
    for (let index = 0; index < 100; index++) await client.ask(`RCPT TO:<alice+${index}@example.test>`, '250')
    await client.ask('RCPT TO:<alice+100@example.test>', '452 4.5.3')
    await client.ask('RCPT TO:<alice+5@example.test>', '250 2.1.5')
  })

  it('takes forwarded mail for an alias, and refuses it where there is no queue', async () => {
    const client = await (await startHost()).hello()
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<away@example.test>', '250 2.1.5')
    const store = (await startHost()).store
    const without = await startHost({ store, queue: undefined as never })
    const other = await without.hello()
    await other.ask('MAIL FROM:<a@b.test>', '250')
    await other.ask('RCPT TO:<away@example.test>', '451 4.3.5')
  })
})

describe('quota', () => {
  it('refuses what has no room, for now or for ever', async () => {
    const host = await startHost()
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test> SIZE=1001', '250')
    await client.ask('RCPT TO:<carol@example.test>', '552 5.2.2')
    await client.ask('RSET', '250')
    await deliver(client, { to: 'carol@example.test', message: `${'x'.repeat(600)}\r\n` })
    await client.ask('MAIL FROM:<a@b.test> SIZE=600', '250')
    await client.ask('RCPT TO:<carol@example.test>', '452 4.2.2')
    await client.ask('RSET', '250')
    await deliver(client, {
      to: 'carol@example.test',
      message: `${'x'.repeat(600)}\r\n`,
      expect: '452 4.2.2',
    })
    expect(await host.inbox('carol')).toHaveLength(1)
  })
})

describe('DATA', () => {
  it('keeps the bytes, dots unstuffed, and puts Received on top', async () => {
    const host = await startHost()
    const client = await host.hello()
    const reply = await deliver(client, { message: 'Subject: x\r\n\r\n..one\r\n...two\r\n.\u00e9\r\n' })
    const traceId = /accepted as (\S+)$/.exec(reply)?.[1]
    const [message = ''] = await host.inbox('alice')
    expect(message).toMatch(
      new RegExp(
        `^Return-Path: <sender@other.test>\r\nReceived: from client.test \\(\\[127.0.0.1\\]\\) by mx.example.test with ESMTP\r\n\tid ${traceId} for <alice@example.test>; `,
      ),
    )
    expect(message).toMatch(/\r\nSubject: x\r\n\r\n\.one\r\n\.\.two\r\n\u00c3\u00a9\r\n$/)
    expect(host.told('message:accepted')[0]).toMatchObject({ traceId })
  })

  it('keeps a message without a header readable', async () => {
    const host = await startHost()
    const client = await host.hello()
    for (const text of ['Are you there?\r\n: no field\r\n', '..\r\n', 'Subject: one\r\n']) {
      await client.ask('MAIL FROM:<a@b.test>', '250')
      await client.ask('RCPT TO:<alice@example.test>', '250')
      await client.ask('DATA', '354')
      client.write(`${text}.\r\n`)
      await client.expect('250')
    }
    const [text, dot, field] = await host.inbox('alice')
    expect(text).toMatch(
      /^Return-Path: [^\n]*\r\nReceived: [^\r]*(?:\r\n\t[^\r]*)*\r\n\r\nAre you there\?\r\n: no field\r\n$/,
    )
    expect(dot).toMatch(/\r\n\r\n\.\r\n$/)
    expect(field).toMatch(/[^\n]\r\nSubject: one\r\n$/)
  })

  it('takes an empty message, and several in one session', async () => {
    const host = await startHost()
    const client = await host.hello()
    await deliver(client, { message: '' })
    await deliver(client, { to: ['alice@example.test', 'bob@example.test'] })
    await client.ask('DATA', '503 5.5.1')
    await client.ask('QUIT', '221')
    expect(await host.inbox('alice')).toHaveLength(2)
    expect((await host.inbox('bob'))[0]).not.toMatch(/for </)
  })

  it('pipelines (RFC 2920)', async () => {
    const host = await startHost()
    const client = await host.hello()
    const commands =
      'MAIL FROM:<a@b.test>\r\nRCPT TO:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n'
    client.write(commands)
    for (const code of ['250', '250', '250', '354']) await client.expect(code)
    client.write(`one\r\n.\r\n${commands}`)
    for (const code of ['250', '250', '250', '250', '354']) await client.expect(code)
    client.write('two\r\n.\r\nQUIT\r\n')
    await client.expect('250')
    await client.expect('221')
    expect(await host.inbox('bob')).toHaveLength(2)
  })

  it('sends the replies to one read in one write', async () => {
    const host = await startHost()
    const client = await host.hello()
    const writes: string[] = []
    client.socket.on('data', data => writes.push(String(data)))
    client.write(
      'MAIL FROM:<a@b.test>\r\nRCPT TO:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n',
    )
    for (const code of ['250', '250', '250', '354']) await client.expect(code)
    expect(writes).toHaveLength(1)
  })

  it('refuses a message that went in a circle', async () => {
    const host = await startHost({ maxHops: 3 })
    const client = await host.hello()
    const hop = 'Received: from a by b; Thu, 1 Jan 2026 00:00:00 +0000\r\n'
    await deliver(client, { message: `${hop.repeat(3)}\r\n` })
    await deliver(client, { message: `${hop.repeat(4)}\r\n`, expect: '554 5.4.6' })
    expect(await host.inbox('alice')).toHaveLength(1)
    expect(host.told('message:rejected')).toHaveLength(1)
  })
})

describe('submission', () => {
  it('demands AUTH before MAIL and adds Date and Message-ID where they are missing', async () => {
    const host = await startHost({ tls: testTls }, { kind: 'submission', tls: 'implicit' })
    const client = await host.hello({ tls: true })
    await client.ask('MAIL FROM:<alice@example.test>', '530 5.7.0')
    await client.ask(`AUTH PLAIN ${plain('alice', 'secret')}`, '235 2.7.0')
    await client.ask('MAIL FROM:<bob@example.test>', '553 5.7.1')
    await deliver(client, { from: 'alice@example.test', to: 'bob@example.test' })
    await deliver(client, {
      from: 'alice@example.test',
      to: 'bob@example.test',
      message: 'Date: x\r\nMessage-ID: <1@b>\r\n\r\n',
    })
    const [bare = '', complete = ''] = await host.inbox('bob')
    expect(bare).toMatch(/\r\nDate: .* \+0000\r\nMessage-ID: <[0-9a-z]{16}@mx\.example\.test>\r\nSubject: hi/)
    expect(complete.match(/Date:/g)).toHaveLength(1)
    expect(complete.match(/Message-ID:/g)).toHaveLength(1)
  })

  it('relays for users who logged in, through the queue', async () => {
    const host = await startHost({ allowInsecureAuth: true })
    const client = await host.hello()
    await client.ask(`AUTH PLAIN ${plain('alice', 'secret')}`, '235 2.7.0')
    await deliver(client, { from: 'alice@example.test', to: ['x@other.test', 'bob@example.test'] })
    expect(host.batches[0]).toMatchObject({
      copies: [{ account: 'bob' }],
      queued: { submitter: 'alice', recipients: [{ address: 'x@other.test', destination: 'other.test' }] },
    })
  })

  it('relays for listed networks, of either family, and no others', async () => {
    const host = await startHost({ relayNetworks: ['127.0.0.0/30', '2001:db8::/32'] })
    const inside = await host.hello()
    await deliver(inside, { to: 'x@other.test' })
    const outside = await host.hello({ from: '127.0.0.9' })
    await outside.ask('MAIL FROM:<a@b.test>', '250')
    await outside.ask('RCPT TO:<x@other.test>', '550 5.7.1')
  })
})
