import { describe, expect, it } from 'vitest'
import { parseDsn } from '../../src/dsn/parse-dsn.js'
import { bytesSource } from '../../src/message/sources.js'

const parse = (...lines: string[]) => parseDsn(bytesSource(lines.join('\r\n')))

const status = ['Content-Type: message/delivery-status', '']
const reportType = 'Content-Type: multipart/report; report-type=delivery-status; boundary=r'

describe('reports that are shaped in their own way', () => {
  it("Gmail's: comments at the names of hosts, a Message-ID among the fields, nothing returned", async () => {
    const dsn = await parse(
      reportType,
      'X-Failed-Recipients: bob@rome.test',
      '',
      '--r',
      'Content-Type: multipart/related; boundary=s',
      '',
      '--s',
      'Content-Type: multipart/alternative; boundary=t',
      '',
      '--t',
      'Content-Type: text/plain; charset="UTF-8"',
      '',
      '** Address not found **',
      '',
      "Your message wasn't delivered to bob@rome.test because the address couldn't be found.",
      '--t--',
      '--s--',
      '--r',
      ...status,
      'Reporting-MTA: dns; googlemail.com',
      'Arrival-Date: Thu, 01 Jan 2026 00:00:00 -0800 (PST)',
      'X-Original-Message-ID: <plans@paris.test>',
      '',
      'Final-Recipient: rfc822; bob@rome.test',
      'Action: failed',
      'Status: 5.1.1',
      'Remote-MTA: dns; mx.rome.test. (192.0.2.7, the server for the domain rome.test.)',
      'Diagnostic-Code: smtp; 550-5.1.1 The email account does not exist.',
      ' 550 5.1.1 https://support.example/ 4fb4d7f45d1cf-60 - gsmtp',
      'Last-Attempt-Date: Thu, 01 Jan 2026 00:00:05 -0800 (PST)',
      '--r--',
    )
    expect(dsn).toMatchObject({
      reportingMta: 'googlemail.com',
      arrivedAt: Date.UTC(2026, 0, 1, 8),
      originalMessageId: '<plans@paris.test>',
      recipients: [
        {
          finalRecipient: { type: 'rfc822', address: 'bob@rome.test' },
          ...{ action: 'failed', status: '5.1.1', remoteMta: 'mx.rome.test' },
          diagnostic: { type: 'smtp', text: expect.stringContaining('gsmtp') },
        },
      ],
    })
  })

  it("Exchange's warning, which is a delay, and addresses in angle brackets", async () => {
    const dsn = await parse(
      reportType,
      '',
      '--r',
      ...status,
      'Reporting-MTA: dns;EX01.rome.test',
      'Received-From-MTA: dns;paris.test',
      '',
      'Original-Recipient: rfc822;<bob@rome.test>',
      'Final-Recipient: RFC822; <bob@rome.test>',
      'Action: Delayed',
      'Status: 4.4.7',
      'Will-Retry-Until: Sat, 3 Jan 2026 08:00:00 +0000',
      'X-Display-Name: Bob',
      '--r--',
    )
    const bob = { type: 'rfc822', address: 'bob@rome.test' }
    expect(dsn?.recipients).toEqual([
      {
        ...{ finalRecipient: bob, originalRecipient: bob },
        ...{ action: 'delayed', status: '4.4.7', willRetryUntil: Date.UTC(2026, 0, 3, 8) },
      },
    ])
  })

  it('those that a gateway wrapped to put a notice on them', async () => {
    const dsn = await parse(
      'Content-Type: multipart/mixed; boundary=m',
      '',
      '--m',
      reportType,
      '',
      '--r',
      ...status,
      'Reporting-MTA: dns; mx.rome.test',
      '',
      'Final-Recipient: rfc822; bob@rome.test',
      'Action: failed',
      'Status: 5.2.2',
      '--r',
      'Content-Type: message/rfc822-headers',
      '',
      'Message-ID: <plans@paris.test>',
      '--r--',
      '--m',
      'Content-Type: text/plain',
      '',
      'This mail came from outside.',
      '--m--',
    )
    expect(dsn).toMatchObject({
      originalMessageId: '<plans@paris.test>',
      recipients: [{ action: 'failed', status: '5.2.2' }],
    })
  })

  it('a report that has no fields for programs is read as its text is', async () => {
    const dsn = await parse(
      reportType,
      'X-Failed-Recipients: bob@rome.test',
      '',
      '--r',
      'Content-Type: text/plain',
      '',
      'Delivery to the following recipient failed permanently:',
      '',
      '     bob@rome.test',
      '',
      'Technical details of permanent failure:',
      'The error that the other server returned was: 550 5.2.1 The account is disabled.',
      '',
      '----- Original message -----',
      '',
      'carol@rome.test',
      'not about her',
      '--r',
      'Content-Type: message/rfc822',
      '',
      'Message-ID: <plans@paris.test>',
      '--r--',
    )
    expect(dsn).toMatchObject({
      originalMessageId: '<plans@paris.test>',
      recipients: [
        {
          ...{ finalRecipient: { address: 'bob@rome.test' }, action: 'failed', status: '5.2.1' },
          diagnostic: { text: expect.stringContaining('The account is disabled.') },
        },
      ],
    })
    expect(dsn?.recipients).toHaveLength(1)
  })

  it.each([
    ['a report of spam (RFC 5965)', 'feedback-report', 'feedback-report'],
    ['a report of reading (RFC 8098)', 'disposition-notification', 'disposition-notification'],
  ])('%s is none', async (_, type, subtype) => {
    const dsn = await parse(
      `Content-Type: multipart/report; report-type=${type}; boundary=r`,
      '',
      '--r',
      'Content-Type: text/plain',
      '',
      'bob@rome.test',
      'says 5.1.1',
      '--r',
      `Content-Type: message/${subtype}`,
      '',
      'Final-Recipient: rfc822; bob@rome.test',
      '--r--',
    )
    expect(dsn).toBeUndefined()
  })
})

describe('bounces of plain text', () => {
  it("the old Sendmail's, which has a heading", async () => {
    const dsn = await parse(
      'From: Mail Delivery Subsystem <MAILER-DAEMON@mx.rome.test>',
      'Subject: Returned mail: User unknown',
      '',
      'The original message was received at Thu, 1 Jan 2026 08:00:00 GMT',
      'from mx.paris.test [192.0.2.1]',
      '',
      '   ----- The following addresses had permanent fatal errors -----',
      '<bob@rome.test>',
      '    (reason: 550 5.1.1 User unknown)',
      '',
      '   ----- Transcript of session follows -----',
      '... while talking to mx.rome.test.:',
      '550 5.1.1 <bob@rome.test>... User unknown',
      '',
      '   ----- Original message follows -----',
      '',
      'Message-ID: <plans@paris.test>',
      '',
      'carol@rome.test',
      'not about her',
    )
    expect(dsn).toEqual({
      originalMessageId: '<plans@paris.test>',
      recipients: [
        {
          finalRecipient: { type: 'rfc822', address: 'bob@rome.test' },
          ...{ action: 'failed', status: '5.1.1' },
          diagnostic: { type: '', text: '(reason: 550 5.1.1 User unknown)' },
        },
      ],
    })
  })

  it("Gmail's heading of a reason is not taken for one where there is a reason already", async () => {
    const dsn = await parse(
      'X-Failed-Recipients: bob@rome.test',
      '',
      'bob@rome.test',
      'Mailbox is full.',
      '',
      'Technical details of permanent failure:',
      'none',
    )
    expect(dsn?.recipients[0]?.diagnostic?.text).toBe('Mailbox is full.')
  })

  it("qmail's, in which a line is broken and the address is quoted", async () => {
    const dsn = await parse(
      'Subject: failure notice',
      '',
      'Hi. This is the deliver program at',
      'mx.rome.test.',
      '',
      '<"bob smith"@rome.test>:',
      'Mailbox is full. (#5.2.2)',
      '',
      '--- Enclosed are the original headers of the message.',
      '',
      'Message-ID: <plans@paris.test>',
    )
    expect(dsn).toMatchObject({
      reportingMta: 'mx.rome.test',
      originalMessageId: '<plans@paris.test>',
      recipients: [
        { finalRecipient: { address: '"bob smith"@rome.test' }, action: 'failed', status: '5.2.2' },
      ],
    })
  })
})
