import { describe, expect, it } from 'vitest'
import { createAccounts } from '../../src/accounts/static/create-accounts.js'
import { parseMessage } from '../../src/message/parse-message.js'
import { bytesSource, readAll } from '../../src/message/sources.js'
import { createRouter } from '../../src/routing/create-router.js'
import { createQueueWorld } from './queue-world.js'

const letter = {
  from: 'Alice <alice@paris.test>',
  to: 'bob@rome.test',
  subject: 'Hello',
  text: 'How are you?',
}

/** Sends a message and reads what went out. */
async function sendOne(
  message: Parameters<Awaited<ReturnType<typeof createQueueWorld>>['queue']['send']>[0],
) {
  await using world = await createQueueWorld()
  const sent = await world.queue.send(message)
  await world.clock.settled()
  const [delivery] = world.transport.deliveries
  if (!delivery) throw new Error('nothing went out')
  const raw = (await readAll(delivery.message)).toString()
  return {
    sent,
    raw,
    deliveries: world.transport.deliveries,
    delivery,
    parsed: await parseMessage(delivery.message),
  }
}

async function refusal(message: object) {
  await using world = await createQueueWorld()
  const error = await world.queue.send(message).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  await world.clock.settled()
  expect(world.transport.deliveries).toEqual([])
  return error
}

describe('send', () => {
  it('names a sender where there are several authors (RFC 5322 §3.6.2)', async () => {
    await using world = await createQueueWorld()
    await world.queue.send({ ...letter, from: 'Alice <alice@paris.test>, dora@paris.test' })
    await world.queue.send(letter)
    await world.clock.settled()
    const [several, one] = await Promise.all(
      world.transport.deliveries.map(async ({ message }) => (await readAll(message)).toString()),
    )
    expect(several).toMatch(/^Sender: Alice <alice@paris\.test>\r$/m)
    expect(one).not.toMatch(/^Sender:/m)
  })

  it('composes a message with date and id by its own clock and name', async () => {
    const { sent, raw, delivery, parsed } = await sendOne(letter)
    expect(raw).toMatch(/^From: Alice <alice@paris\.test>\r\nTo: bob@rome\.test\r\nSubject: Hello\r\n/)
    expect(raw).toMatch(/^Date: Thu, 1 Jan 2026 00:00:00 \+0000\r$/m)
    expect(raw).toMatch(/^Message-ID: <[0-9a-z]{16}@mx\.paris\.test>\r$/m)
    expect(sent.messageId).toBe(`<${sent.traceId}@mx.paris.test>`)
    expect(delivery.envelope).toEqual({ sender: 'alice@paris.test' })
    expect(parsed.text?.trim()).toBe('How are you?')
    expect(raw).not.toMatch(/(?<!\r)\n|\r(?!\n)/)
  })

  it('keeps blind copies blind', async () => {
    const { raw, deliveries } = await sendOne({
      ...letter,
      cc: ['Carol <carol@rome.test>'],
      bcc: 'dora@oslo.test',
    })
    expect(deliveries.flatMap(delivery => delivery.recipients.map(recipient => recipient.address))).toEqual([
      'bob@rome.test',
      'carol@rome.test',
      'dora@oslo.test',
    ])
    expect(raw).not.toMatch(/bcc|dora/i)
    expect(raw).toMatch(/^Cc: Carol <carol@rome\.test>\r$/m)
  })

  it('writes once to who is named twice', async () => {
    const { delivery } = await sendOne({ ...letter, cc: 'Bob <BOB@rome.test>' })
    expect(delivery.recipients).toEqual([{ address: 'bob@rome.test' }])
  })

  it('takes HTML, attachments, threads and fields of the app', async () => {
    const { raw, parsed } = await sendOne({
      ...letter,
      subject: 'Grüße aus Paris',
      html: '<p>How <img src="cid:logo"> are you?</p>',
      replyTo: 'desk@paris.test',
      inReplyTo: '<0@rome.test>',
      references: ['<0@rome.test>'],
      headers: {
        'X-Ticket': '7',
        'List-Unsubscribe': '<https://paris.test/u>',
        'message-id': '<own@paris.test>',
      },
      attachments: [
        { filename: 'übersicht.txt', content: 'eins\nzwei', contentType: 'text/plain' },
        { content: new Uint8Array([1, 2, 255]), contentType: 'image/png', contentId: 'logo' },
      ],
    })
    expect(parsed).toMatchObject({
      subject: 'Grüße aus Paris',
      replyTo: [{ address: 'desk@paris.test' }],
      inReplyTo: '<0@rome.test>',
      references: ['<0@rome.test>'],
      messageId: '<own@paris.test>',
    })
    expect(parsed.attachments.map(part => part.filename)).toContain('übersicht.txt')
    expect(Buffer.from(parsed.attachments.find(part => part.contentId)?.content ?? []).toString('hex')).toBe(
      '0102ff',
    )
    expect(raw).toMatch(/^X-Ticket: 7\r$/m)
    expect(raw.match(/^message-id:/gim)).toHaveLength(1)
  })

  it('has CRLF for every line break, in a message inside the message too', async () => {
    const { raw } = await sendOne({
      ...letter,
      text: 'one\ntwo\rthree\r\nfour',
      attachments: [{ contentType: 'message/rfc822', content: 'Subject: inside\n\nfive\nsix\n' }],
    })
    expect(raw).toContain('one\r\ntwo\r\nthree\r\nfour')
    expect(raw).toContain('five\r\nsix')
    expect(raw).not.toMatch(/(?<!\r)\n|\r(?!\n)/)
  })

  it('takes raw bytes exactly as they are, in every form', async () => {
    const text = 'Subject: x\nMessage-ID: <7@paris.test>\n\nno CRLF, and 8bit: \u00fc\n'
    const envelope = { sender: 'alice@paris.test', recipients: ['bob@rome.test'] }
    for (const raw of [text, Buffer.from(text), bytesSource(text)]) {
      const { raw: out, sent, delivery } = await sendOne({ raw, envelope })
      expect(out).toBe(text)
      expect(sent.messageId).toBe('<7@paris.test>')
      expect(delivery.envelope).toEqual({ sender: 'alice@paris.test', body: '8bitmime' })
    }
  })

  it('says SMTPUTF8 where an address or a header needs it', async () => {
    const { delivery } = await sendOne({ ...letter, to: 'jörg@münchen.test' })
    expect(delivery.envelope).toMatchObject({ smtputf8: true })
    expect(delivery).toMatchObject({
      destination: 'xn--mnchen-3ya.test',
      recipients: [{ address: 'jörg@xn--mnchen-3ya.test' }],
    })
    const plain = await sendOne({ ...letter, to: 'joerg@münchen.test' })
    expect(plain.delivery.envelope).toEqual({ sender: 'alice@paris.test' })
    expect(plain.raw).toMatch(/^To: joerg@xn--mnchen-3ya\.test\r$/m)
    const envelope = { sender: 'alice@paris.test', recipients: ['bob@rome.test'] }
    const utf8Header = await sendOne({ raw: 'Subject: Grüße\r\n\r\n', envelope })
    expect(utf8Header.delivery.envelope).toMatchObject({ smtputf8: true })
    const latin1Header = await sendOne({
      raw: Buffer.from('Subject: Gr\u00fc\u00dfe\r\n\r\n', 'latin1'),
      envelope,
    })
    expect(latin1Header.delivery.envelope).toEqual({ sender: 'alice@paris.test', body: '8bitmime' })
  })

  it('takes the envelope of the app, with its DSN parameters', async () => {
    const { delivery } = await sendOne({
      ...letter,
      envelope: {
        sender: 'bounces+7@paris.test',
        recipients: [
          {
            address: '"john smith"@rome.test',
            notify: ['success', 'failure'],
            originalRecipient: 'rfc822;j@x.test',
          },
        ],
        requireTls: true,
        ret: 'hdrs',
        envid: 'QQ314159',
      },
    })
    expect(delivery.envelope).toEqual({
      sender: 'bounces+7@paris.test',
      requireTls: true,
      ret: 'hdrs',
      envid: 'QQ314159',
    })
    expect(delivery.recipients).toEqual([
      {
        address: '"john smith"@rome.test',
        notify: ['success', 'failure'],
        originalRecipient: 'rfc822;j@x.test',
      },
    ])
  })

  it('reads quoted, named and grouped mailboxes', async () => {
    const { deliveries, raw } = await sendOne({
      ...letter,
      to: [
        '"Smith, John" <"john smith"@rome.test>, carol@rome.test (Carol)',
        'team: dora@rome.test, erik@rome.test;',
      ],
    })
    expect(deliveries[0]?.recipients.map(recipient => recipient.address)).toEqual([
      '"john smith"@rome.test',
      'carol@rome.test',
      'dora@rome.test',
      'erik@rome.test',
    ])
    expect(raw).toContain('"Smith, John" <"john smith"@rome.test>')
  })

  it.each([
    [{ subject: 'x\r\nBcc: eve@evil.test' }, 'subject'],
    [{ from: 'alice@paris.test\r\nX: y' }, 'from'],
    [{ to: ['bob@rome.test\nX: y'] }, 'to'],
    [{ replyTo: 'a@b.test\r\nX: y' }, 'replyTo'],
    [{ inReplyTo: '<a@b>\r\nX: y' }, 'inReplyTo'],
    [{ references: ['<a@b>\r\n X: y'] }, 'references'],
    [{ headers: { 'X-A': 'b\r\nBcc: eve@evil.test' } }, 'headers.X-A'],
    [{ headers: { 'X-A: b\r\nBcc': 'eve@evil.test' } }, 'headers'],
    [{ headers: { Bcc: 'eve@evil.test' } }, 'headers.Bcc'],
    [{ headers: { 'content-type': 'text/html' } }, 'headers.content-type'],
    [{ headers: { 'X-A': { prepared: true, value: 'x' } } }, 'headers.X-A'],
    [{ headers: { 'X-A': 'x'.repeat(1_000) } }, 'headers.X-A'],
    [{ attachments: [{ filename: 'a\r\nX: y', content: '' }] }, 'attachments.0.filename'],
    [{ attachments: [{ contentType: 'text/plain\r\nX: y', content: '' }] }, 'attachments.0.contentType'],
    [{ attachments: [{ contentType: 'multipart/mixed', content: '' }] }, 'attachments.0.contentType'],
    [{ attachments: [{ contentId: 'a>\r\nX: y', content: '' }] }, 'attachments.0.contentId'],
    [{ attachments: [{ path: '/etc/passwd' }] }, 'attachments.0'],
    [{ attachments: [{ content: { path: '/etc/passwd' } }] }, 'attachments.0.content'],
    [{ attachments: [{ content: { href: 'http://127.0.0.1/' } }] }, 'attachments.0.content'],
    [{ text: { path: '/etc/passwd' } }, 'text'],
    [{ html: { href: 'http://127.0.0.1/' } }, 'html'],
    [{ subject: 7 }, 'subject'],
    [{ body: 'x' }, 'body'],
    [{ to: undefined }, 'to'],
    [{ from: undefined }, 'from'],
    [{ envelope: { sender: 'alice@paris.test', recipients: [] } }, 'envelope.recipients'],
    [
      { envelope: { sender: 'alice@paris.test', recipients: ['b@c.test'], envid: 'a\r\nb' } },
      'envelope.envid',
    ],
    [{ envelope: { sender: '', recipients: ['b@c.test'], envid: 'x'.repeat(101) } }, 'envelope.envid'],
    [
      { raw: 'x', envelope: undefined, from: undefined, to: undefined, subject: undefined, text: undefined },
      'envelope',
    ],
    [{ raw: 'x', envelope: { sender: '', recipients: ['b@c.test'] } }, 'from'],
  ])('refuses %j and names the option', async (change, option) => {
    expect(await refusal({ ...letter, ...change })).toMatchObject({
      code: 'MESSAGE_INVALID',
      message: expect.stringContaining(option),
    })
  })

  it.each([
    [{ notify: ['never', 'success'] }, 'never'],
    [{ notify: [] }, 'notify'],
    [{ notify: ['always'] }, 'notify'],
    [{ originalRecipient: 'bob@rome.test' }, 'rfc822;alice@example.test'],
    [{ originalRecipient: 'rfc822;a\r\nb' }, 'line breaks'],
  ])('refuses a recipient with %j and says what it wants', async (wrong, wanted) => {
    const recipients = [{ address: 'b@c.test', ...wrong }]
    expect(await refusal({ ...letter, envelope: { sender: '', recipients } })).toMatchObject({
      code: 'MESSAGE_INVALID',
      message: expect.stringContaining(wanted),
    })
  })

  it.each([
    [{ to: 'nobody' }, 'to'],
    [{ to: 'a@rome.test b@rome.test' }, 'to'],
    [{ to: 'A <a@rome.test> <b@rome.test>' }, 'to'],
    [{ to: 'a@b@rome.test' }, 'to'],
    [{ cc: 'x@' }, 'cc'],
    [{ from: 'Alice' }, 'from'],
    [{ envelope: { sender: 'Alice <a@b.test>', recipients: ['b@c.test'] } }, 'envelope.sender'],
    [{ envelope: { sender: '', recipients: ['<b@c.test>'] } }, 'envelope.recipients.0'],
    [
      { envelope: { sender: '', recipients: ['b@c.test> NOTIFY=NEVER\r\nRCPT TO:<x@y.test'] } },
      'envelope.recipients.0',
    ],
  ])('refuses the address in %j and names the option', async (change, option) => {
    expect(await refusal({ ...letter, ...change })).toMatchObject({
      code: 'ADDRESS_INVALID',
      message: expect.stringContaining(`${option}: got`),
    })
  })

  it.each([[undefined], [null], ['a letter'], [[]]])('refuses %j', async message => {
    expect(await refusal(message as never)).toMatchObject({ code: 'MESSAGE_INVALID' })
  })

  it('keeps prototype names as names', async () => {
    const headers = JSON.parse('{"__proto__": "a", "constructor": "b"}')
    const { raw } = await sendOne({ ...letter, headers })
    expect(raw).toMatch(/^constructor: b\r$/im)
  })
})

describe('send with wrong drivers and options', () => {
  it.each([5, 'x', {}, []])('refuses a router that answers %j', async answer => {
    const router = { route: async () => answer as never, isLocal: () => false }
    await using world = await createQueueWorld(undefined, { router })
    await expect(world.queue.send(letter)).rejects.toMatchObject({ code: 'DRIVER_CONTRACT', temporary: true })
  })

  it.each([5, 'x', []])('refuses %j for the options of the delivery', async delivery => {
    await expect(createQueueWorld(undefined, { delivery: delivery as never })).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringMatching(/^createDeliveryQueue: delivery: .*got/),
    })
  })
})

describe('send on a host with a router', () => {
  const router = createRouter({
    domains: ['paris.test'],
    accounts: createAccounts({ users: [{ name: 'alice', password: 'x', addresses: ['alice@paris.test'] }] }),
  })

  it('puts local copies into mailboxes and the rest into the queue', async () => {
    await using world = await createQueueWorld(undefined, { router })
    const sent = await world.queue.send({ ...letter, to: ['alice@paris.test', 'bob@rome.test'] })
    expect(sent).toMatchObject({ copies: 1, entries: [expect.any(String)] })
    const inbox = await world.storage.mail.mailbox('alice', 'INBOX')
    expect(inbox).toMatchObject({ messages: 1 })
  })

  it('refuses an unknown local recipient, and stores nothing for the others', async () => {
    await using world = await createQueueWorld(undefined, { router })
    await expect(
      world.queue.send({ ...letter, to: ['alice@paris.test', 'nobody@paris.test'] }),
    ).rejects.toMatchObject({
      code: 'RELAY_DENIED',
      temporary: false,
      reply: { code: 550, enhanced: '5.1.1' },
      message: expect.stringContaining('nobody@paris.test'),
    })
    expect(await world.storage.mail.mailbox('alice', 'INBOX')).toMatchObject({ messages: 0 })
  })

  it('returns what fails into the mailbox of a local sender, with its Return-Path', async () => {
    const failed = { status: 'failed', scope: 'recipient', reason: 'no such user' } as const
    await using world = await createQueueWorld(() => failed)
    world.queue.useRouter(router)
    expect(world.queue.router).toBe(router)
    await world.queue.send(letter)
    await world.queue.send({ ...letter, from: 'ghost@paris.test' })
    await world.clock.settled()
    const inbox = await world.storage.mail.mailbox('alice', 'INBOX')
    const [bounce] = await world.storage.mail.list(inbox?.id ?? '')
    expect(Buffer.from(bounce?.prefix ?? []).toString()).toBe('Return-Path: <>\r\n')
    expect(world.events('dsn:sent')).toMatchObject([{ to: 'alice@paris.test' }])
    expect(world.events('dsn:suppressed')).toMatchObject([{ reason: 'the sender does not exist here' }])
    expect(await world.queue.list()).toEqual([])
  })
})
