import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createDkimSigner } from '../../../src/index.js'
import { bytesSource } from '../../../src/message/sources.js'
import { createTestMail } from '../../../src/testing/index.js'
import { findCalendars } from '../../../src/testing/messages/calendar.js'
import { findCodes } from '../../../src/testing/messages/codes.js'
import { findLink, findLinks, htmlToText } from '../../../src/testing/messages/links.js'
import { send } from '../send.js'

describe('links', () => {
  it.each([
    ['an attribute that only ends in href', '<a data-href="/no" href="/yes">x</a>', ['/yes']],
    ['no href at all', '<a data-href="/no">x</a><a name=href>y</a>', []],
    ['> inside an attribute', '<a title="a > b" href="/yes">x</a>', ['/yes']],
    ['> inside an attribute behind it', "<a href='/yes' title='<b>'>x</a>", ['/yes']],
    ['no quotes, and a slash at the end', '<A HREF=/yes/>x</A>', ['/yes/']],
    ['the first href of two', '<a href="/yes" href="/no">x</a>', ['/yes']],
    [
      'comments, scripts and other tags',
      '<!-- <a href=1> --><script>"<a href=2>"</script><abbr href=3><a href=4>',
      ['4'],
    ],
    ['a tag that does not end', '<a href="/yes', ['"/yes']],
    ['no tag at all', '1 < 2 <', []],
  ])('of HTML with %s', (_what, html, urls) => {
    expect(findLinks(html, '').map(({ url }) => url)).toEqual(urls)
  })

  it('have the text of their own anchor', () => {
    const [one, two] = findLinks('<a href=1>One <i title="</a>">more</i><a href=2>Two</a>', '')
    expect([one?.text, two?.text]).toEqual(['One more', 'Two'])
    expect(htmlToText('a<br>b<span title=">">c</span><style>x{}</style>d')).toBe('a bc d')
  })

  it('are found by a pattern with the flag g as often as they are looked for', () => {
    const links = findLinks('<a href="https://app.test/reset">Reset</a>', '')
    const pattern = /reset/g
    for (let time = 0; time < 3; time++) expect(findLink(links, pattern).text).toBe('Reset')
  })
})

describe('codes', () => {
  it.each([
    ['Your code:482913', ['482913']],
    ['OTP=777777', ['777777']],
    ['G-123456 is your Google verification code', ['G-123456']],
    ['Your login code is a1b2c3.', ['a1b2c3']],
    ['Your PIN: 4821', ['4821']],
    ['at 12:3456 by sha256, file a1b2c3', []],
    ['code: see /path?t=123456&code=99', []],
  ])('of %j', (text, codes) => {
    expect(findCodes(text)).toEqual(codes)
  })
})

describe('invitations', () => {
  it('have fields of their own only, and the zones of their times', () => {
    const content = [
      'BEGIN:VCALENDAR',
      'BEGIN:VTIMEZONE',
      'TZID:Europe/Rome',
      'END:VTIMEZONE',
      'BEGIN:VEVENT',
      'BEGIN:VALARM',
      'UID:alarm',
      'DESCRIPTION:Ring',
      'ATTENDEE:mailto:bell@app.test',
      'END:VALARM',
      'UID:42',
      'DTSTART;TZID=Europe/Rome:20260301T120000',
      'DTEND;VALUE=DATE-TIME;TZID="Europe/Paris":20260301T130000',
      'END:VEVENT',
      'END:VCALENDAR',
    ].join('\r\n')
    const [calendar] = findCalendars([{ contentType: 'text/calendar', content: Buffer.from(content) }])
    expect(calendar?.events).toEqual([
      {
        uid: '42',
        start: '20260301T120000',
        startZone: 'Europe/Rome',
        end: '20260301T130000',
        endZone: 'Europe/Paris',
        attendees: [],
      },
    ])
  })
})

describe('a message of a test mail', () => {
  it('offers the way out of its list that is encrypted', async () => {
    await using mail = await createTestMail()
    await send(mail, {
      to: 'a@x.test',
      headers: {
        'List-Unsubscribe': '<http://app.test/leave>, <https://app.test/leave>',
        'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      },
    })
    const message = await mail.waitForMessage()
    expect(message.listUnsubscribe).toEqual({ url: 'https://app.test/leave', oneClick: true })
    expect(message.lint().map(({ rule }) => rule)).not.toContain('one-click-without-https')
  })

  it('has its header even where it cannot be parsed', async () => {
    await using mail = await createTestMail()
    const nested = Array.from({ length: 120 }, (_, index) =>
      [`Content-Type: multipart/mixed; boundary=b${index}`, '', `--b${index}`, ''].join('\r\n'),
    )
    const raw = `Subject: Deep\r\nX-Kind: nested\r\n${nested.join('')}`
    await send(mail, { envelope: { from: 'a@app.test', to: ['b@x.test'] }, raw })
    const message = await mail.waitForMessage({ headers: { 'x-kind': 'nested' } })
    expect(message.subject).toBe('')
    expect(message.header.get('Subject')?.value).toBe('Deep')
  })

  it('is judged at the time of the clock: a signature runs out', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    await using mail = await createTestMail()
    const p = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
    mail.dns.set('s1._domainkey.app.test', { txt: `v=DKIM1; k=rsa; p=${p}` })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const signer = createDkimSigner({
      keys: [{ domain: 'app.test', selector: 's1', privateKey: pem }],
      expiresAfter: '2d',
    })
    const raw = 'From: a@app.test\r\nSubject: Hi\r\n\r\nHi\r\n'
    const envelope = { from: 'a@app.test', to: ['b@x.test'] }
    const about = { traceId: 't', ours: true, now: mail.clock.now() }
    const signed = await signer.sign(bytesSource(raw), {
      ...about,
      envelope: { sender: envelope.from, recipients: [{ address: 'b@x.test' }] },
    })
    await send(mail, { envelope, raw: signed + raw })
    const message = await mail.waitForMessage()
    expect((await message.verdicts()).dkim).toMatchObject([{ result: 'pass' }])
    await mail.clock.advance('3d')
    expect((await message.verdicts()).dkim).toMatchObject([{ result: 'neutral', reason: 'expired' }])
  })
})

describe('lint of addresses', () => {
  const lint = async (header: string) => {
    await using mail = await createTestMail()
    const fixed = 'Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@app.test>\r\n'
    const envelope = { from: 'a@app.test', to: ['b@x.test'] }
    await send(mail, { envelope, raw: `${fixed}${header}\r\n\r\nx\r\n` })
    return (await mail.waitForMessage()).lint().map(({ rule }) => rule)
  }

  it.each([
    ['From: a@x.test, b@x.test', ['sender-missing']],
    ['From: a@x.test <a@x.test>', ['address-form']],
    ['From: a@x.test\r\nTo: nobody at all', ['address-form']],
    ['From: a@x.test\r\nTo: John Q. Public <j@x.test>', ['address-form']],
    ['From: a@x.test\r\nCc: b@x.test; c@x.test', ['address-form']],
    ['From: a@x.test\r\nTo: b@x..test', ['address-form']],
    ['From: a@x.test\r\nTo: <b@x.test>, (a (nested) comment) "J. \\"Q\\"" Doe <"j d"@[192.0.2.1]>', []],
    ['From: a@x.test\r\nTo: undisclosed-recipients:;', []],
    ['From: a@x.test\r\nTo: All of us: b@x.test, C <c@x.test>;, d@x.test (Dee)', []],
    ['From: "a@x.test" <a@x.test>', []],
    ['From: =?utf-8?q?J=C3=B6rg?= <a@x.test>', []],
  ])('%s', async (header, rules) => {
    expect(await lint(header)).toEqual(rules)
  })
})
