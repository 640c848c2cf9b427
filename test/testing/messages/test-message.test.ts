import { generateKeyPairSync } from 'node:crypto'
import { createTransport } from 'nodemailer'
import { describe, expect, it } from 'vitest'
import { createTestMail } from '../../../src/testing/index.js'
import { send } from '../send.js'

describe('a message as a test wants it', () => {
  it('gives links, of the HTML and of the text, and follows them', async () => {
    const asked: unknown[] = []
    const fetch = (async (url: string, init?: RequestInit) => {
      asked.push([url, init?.method ?? 'GET', init?.body])
      return new Response('done')
    }) as typeof globalThis.fetch
    await using mail = await createTestMail({ fetch })
    await send(mail, {
      to: 'a@x.test',
      text: 'Reset: https://app.test/reset?t=1&u=2. Or (https://app.test/help).',
      html: '<p><a class=x href="https://app.test/reset?t=1&amp;u=2"><b>Reset</b> it</a></p>',
      list: { unsubscribe: { url: 'https://app.test/leave' } },
      headers: { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' },
    })
    const message = await mail.waitForMessage()
    expect(message.links).toEqual([
      { url: 'https://app.test/reset?t=1&u=2', text: 'Reset it', from: 'html' },
      { url: 'https://app.test/help', text: 'https://app.test/help', from: 'text' },
    ])
    expect(await (await message.click('Reset it')).text()).toBe('done')
    await message.unsubscribe()
    expect(asked).toEqual([
      ['https://app.test/reset?t=1&u=2', 'GET', undefined],
      ['https://app.test/leave', 'POST', 'List-Unsubscribe=One-Click'],
    ])
    expect(() => message.link('/nowhere')).toThrow(/Reset it → https:\/\/app\.test\/reset/)
  })

  it('finds codes, and takes neither amounts nor years nor parts of URLs for them', async () => {
    await using mail = await createTestMail()
    const text = [
      'Invoice 2026 of $12345, order 99887.',
      'Your code is 482 913. Backup: K7Q-2MD9',
      'https://app.test/c/123456',
    ]
    await send(mail, { to: 'a@x.test', text: text.join('\n') })
    const { codes } = await mail.waitForMessage()
    expect(codes).toEqual(expect.arrayContaining(['482913', 'K7Q-2MD9', '99887']))
    expect(codes).not.toEqual(expect.arrayContaining(['123456']))
    expect(codes).not.toEqual(expect.arrayContaining(['12345']))
    expect(codes).not.toContain('2026')
  })

  it('reads invitations', async () => {
    await using mail = await createTestMail()
    const content = [
      'BEGIN:VCALENDAR',
      'METHOD:REQUEST',
      'BEGIN:VEVENT',
      'UID:42@app.test',
      'SUMMARY:Lunch\\, at noon',
      'DTSTART;TZID=Europe/Rome:20260301T120000',
      'ORGANIZER;CN="Ann: B":mailto:ann@app.test',
      'ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@',
      ' x.test',
      'END:VEVENT',
      'END:VCALENDAR',
    ].join('\r\n')
    await send(mail, { to: 'bob@x.test', icalEvent: { method: 'REQUEST', content } })
    const { calendars } = await mail.waitForMessage()
    expect(calendars[0]).toMatchObject({
      method: 'REQUEST',
      events: [
        {
          uid: '42@app.test',
          summary: 'Lunch, at noon',
          start: '20260301T120000',
          organizer: 'ann@app.test',
          attendees: ['bob@x.test'],
        },
      ],
    })
  })

  it('judges by SPF, DKIM and DMARC of its own DNS', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    await using mail = await createTestMail()
    mail.dns.set('app.test', { txt: 'v=spf1 ip4:127.0.0.1 -all' })
    mail.dns.set('_dmarc.app.test', { txt: 'v=DMARC1; p=reject' })
    const p = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
    mail.dns.set('s1._domainkey.app.test', { txt: `v=DKIM1; k=rsa; p=${p}` })
    const transport = createTransport({
      ...mail.smtp.settings,
      dkim: {
        domainName: 'app.test',
        keySelector: 's1',
        privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      },
    })
    await transport.sendMail({ from: 'shop@app.test', to: 'a@x.test', text: 'signed' })
    await transport.sendMail({ from: 'shop@other.test', to: 'b@x.test', text: 'of nobody' })
    transport.close()
    const verdicts = await (await mail.waitForMessage({ to: 'a@x.test' })).verdicts()
    expect(verdicts).toMatchObject({
      spf: { result: 'pass', domain: 'app.test' },
      dkim: [{ result: 'pass', domain: 'app.test', selector: 's1' }],
      dmarc: { result: 'pass', policy: 'reject', aligned: { spf: true, dkim: true } },
    })
    const message = await mail.waitForMessage({ to: 'a@x.test' })
    const forged = await message.verdicts({ from: '203.0.113.9' })
    expect(forged.spf.result).toBe('fail')
    const other = await (await mail.waitForMessage({ to: 'b@x.test' })).verdicts()
    expect(other).toMatchObject({ spf: { result: 'none' }, dmarc: { result: 'none' } })
  })

  it('finds what standards forbid', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: 'a@x.test', subject: 'right' })
    expect((await mail.waitForMessage()).lint()).toEqual([])
    const after = mail.cursor()
    const raw = [
      'From: a@app.test, b@app.test',
      'To: c@x.test',
      'To: d@x.test',
      'Date: yesterday',
      'Bcc: secret@x.test',
      'Message-ID: <no-at>',
      'List-Unsubscribe: <http://app.test/>',
      'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
      'Content-Type: text/plain',
      '',
      'x'.repeat(999),
      '',
    ].join('\r\n')
    await send(mail, { envelope: { from: 'a@app.test', to: ['c@x.test'] }, raw })
    const rules = (await mail.waitForMessage({}, { after })).lint().map(({ rule }) => rule)
    expect(rules).toEqual([
      'date-form',
      'sender-missing',
      'message-id-form',
      'field-repeated',
      'bcc-shown',
      'line-too-long',
      'mime-version-missing',
      'one-click-without-https',
      'one-click-unsigned',
    ])
  })

  it('is answered and passed on in its thread', async () => {
    await using mail = await createTestMail()
    await send(mail, {
      from: 'shop@app.test',
      replyTo: 'help@app.test',
      to: ['a@x.test', 'b@x.test'],
      subject: 'Question',
      references: '<root@app.test>',
      messageId: '<q@app.test>',
    })
    const message = await mail.waitForMessage({ to: 'a@x.test' })
    await message.reply({ text: 'Yes', all: true })
    const reply = await mail.waitForMessage({ to: 'help@app.test' })
    expect(reply.subject).toBe('Re: Question')
    expect(reply.sender).toBe('a@x.test')
    expect(reply.inReplyTo).toBe('<q@app.test>')
    expect(reply.references).toEqual(['<root@app.test>', '<q@app.test>'])
    expect(reply.recipients).toEqual(expect.arrayContaining(['help@app.test', 'b@x.test']))
    expect(reply.recipients).not.toContain('a@x.test')
    await message.forward({ to: 'boss@x.test' })
    const forwarded = await mail.waitForMessage({ to: 'boss@x.test', attachment: 'original.eml' })
    expect(forwarded.subject).toBe('Fwd: Question')
    expect(Buffer.from(forwarded.attachments[0]?.content ?? '').toString()).toContain(
      'Message-ID: <q@app.test>',
    )
  })

  it('is the same text in every run, whatever its ids and dates', async () => {
    await using mail = await createTestMail()
    const once = async () => {
      const after = mail.cursor()
      await send(mail, {
        to: 'a@x.test',
        subject: 'Hello',
        text: 'Order 0f8fad5b-d9cb-469f-a165-70867728950e of 2026-01-02T03:04:05Z',
        html: '<p>Order</p>',
        attachments: [{ filename: 'a.txt', content: 'one\ntwo' }],
      })
      return (await mail.waitForMessage({}, { after })).snapshot()
    }
    const snapshot = await once()
    expect(snapshot).toMatchSnapshot()
    expect(await once()).toBe(snapshot)
  })

  it('tells what it went through', async () => {
    await using mail = await createTestMail({ domains: ['app.test'] })
    mail.dns.set('down.test', { mx: 'mx.down.test' })
    mail.dns.set('mx.down.test', { a: '192.0.2.9' })
    await send(mail, { to: 'a@down.test', subject: 'Hi' })
    await mail.idle()
    const trace = (await mail.waitForMessage()).trace()
    expect(trace).toMatch(/accepted, \d+ octets: 0 copies here, 1 to deliver/)
    expect(trace).toMatch(/attempt 1 at down\.test\n[\s\S]*deferred for a@down\.test/)
    expect(await mail.report()).toMatch(/a@down\.test: waiting, 1 attempt, next attempt in/)
    await mail.close()
    expect(await mail.report()).toMatch(/#1 .*"Hi"\n[\s\S]*a@down\.test: waiting, 1 attempt, next attempt in/)
  })
})
