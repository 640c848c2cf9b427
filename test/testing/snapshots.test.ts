import { describe, expect, it } from 'vitest'
import { createTestMail, createVirtualClock } from '../../src/testing/index.js'
import { decodeWords } from '../../src/testing/snapshots/decode-words.js'
import { send } from './send.js'

describe('the snapshot of a message', () => {
  it('is the same whatever is in the ids of its sender, its invitation and its pictures', async () => {
    await using mail = await createTestMail()
    const once = async (number: number) => {
      const after = mail.cursor()
      const uid = `2026010${number}T120000Z-${number}23456@app.test`
      const content = [
        'BEGIN:VCALENDAR',
        'BEGIN:VEVENT',
        `UID:${uid}`,
        `DTSTAMP:2026010${number}T120000Z`,
        'DTSTART:20260301T100000Z',
        'END:VEVENT',
        'END:VCALENDAR',
      ].join('\r\n')
      await send(mail, {
        envelope: { from: `bounce+1a2b3c4d5e${number}=a=x.test@app.test`, to: ['a@x.test'] },
        to: 'Jörg <a@x.test>',
        subject: 'Grüße aus München, wo es auch im Winter schön ist',
        html: `<img src="cid:logo-12345678${number}@app.test">`,
        attachments: [
          { filename: 'logo.png', content: 'PNG', cid: `logo-12345678${number}@app.test` },
          { filename: 'meeting.ics', contentType: 'text/calendar', content },
        ],
      })
      return (await mail.waitForMessage({}, { after })).snapshot()
    }
    const snapshot = await once(1)
    expect(await once(2)).toBe(snapshot)
    expect(snapshot).toContain('Subject: Grüße aus München, wo es auch im Winter schön ist')
    expect(snapshot).toContain('To: Jörg <a@x.test>')
    expect(snapshot).toContain('DTSTART:20260301T100000Z')
  })

  it('is the same for a bounce, at another time and of another message', async () => {
    const once = async (start: number) => {
      const clock = createVirtualClock({ start })
      await using mail = await createTestMail({ clock, domains: ['app.test'] })
      await send(mail, { to: 'nobody@elsewhere.test', subject: 'Hi', html: '<p>x', text: 'x' })
      return (await mail.waitForMessage({ envelope: { sender: '' } })).snapshot()
    }
    const snapshot = await once(Date.UTC(2026, 0, 1))
    expect(snapshot).toContain('Final-Recipient: rfc822; nobody@elsewhere.test')
    expect(await once(Date.UTC(2026, 10, 28, 12, 34, 56))).toBe(snapshot)
  })
})

describe('a message inside a message', () => {
  it('has boundaries without their names, of all its parts, and every other line as it is', async () => {
    await using mail = await createTestMail()
    const forwarded = async (inner: string) => {
      const after = mail.cursor()
      const attachments = [{ filename: 'a.eml', contentType: 'message/rfc822', content: inner }]
      await send(mail, { to: 'a@x.test', attachments })
      return (await mail.waitForMessage({}, { after })).snapshot()
    }
    expect(await forwarded('Subject: x\r\n\r\nBye\r\n--\r\nAnn\r\n')).toContain('Bye\n--\nAnn')
    const nested = (boundary: string) =>
      [
        `Content-Type: multipart/mixed; boundary="${boundary}"`,
        '',
        `--${boundary}`,
        `Content-Type: multipart/alternative; boundary=in-${boundary}`,
        '',
        `--in-${boundary}`,
        '',
        'Hello',
        `--in-${boundary}--`,
        `--${boundary}--`,
        '',
      ].join('\r\n')
    const snapshot = await forwarded(nested('a1b2'))
    expect(snapshot).toContain('Hello\n--<boundary>--\n--<boundary>--')
    expect(await forwarded(nested('c3d4'))).toBe(snapshot)
  })
})

describe('encoded words', () => {
  it.each([
    ['=?utf-8?q?Gr=C3=BC=C3=9Fe?= =?utf-8?b?IPCfkYs=?=', 'Grüße 👋'],
    ['a =?ISO-8859-1*de?Q?J=F6rg_B?= <a@x.test>', 'a Jörg B <a@x.test>'],
    // A character that is split between two words.
    ['=?utf-8?b?w7/D?= =?utf-8?b?vA==?=', 'ÿü'],
    ['=?x-unknown?q?a?=', '=?x-unknown?q?a?='],
    ['a =? b ?=', 'a =? b ?='],
  ])('%s', (value, text) => {
    expect(decodeWords(value)).toBe(text)
  })
})
