import { simpleParser } from 'mailparser'
import { describe, expect, it } from 'vitest'
import { composeDsn } from '../../src/dsn/compose-dsn.js'
import type { DsnContent } from '../../src/dsn/dsn.js'
import { bytesSource, readAll } from '../../src/message/sources.js'
import { describeWith, python } from '../testing-tools/tools.js'
import { attempt, content, original, silentAttempt, told } from './dsn-content.js'
import { readWithPython } from './python-email.js'

const compose = async (changes: Partial<DsnContent> = {}) => readAll(await composeDsn(content(changes)))

const variants: [string, Partial<DsnContent>][] = [
  ['a failure', {}],
  ['a failure with the header alone', { ret: 'hdrs' }],
  ['a delay', { kind: 'delayed', recipients: [told({ attempt: silentAttempt(), willRetryUntil: 0 })] }],
  [
    'a delivery',
    { kind: 'delivered', recipients: [told({ attempt: attempt({ reply: { code: 250, text: 'ok' } }) })] },
  ],
  ['two recipients', { recipients: [told(), told({ recipient: { address: '"b o b"@elsewhere.test' } })] }],
  ['a message without a header', { message: bytesSource('\r\nbody') }],
  ['a message without an end', { message: bytesSource('Subject: x') }],
  ['a message with 8bit', { message: bytesSource('Subject: ä\r\n\r\nö\r\n') }],
  [
    'a long and hostile reply',
    { recipients: [told({ attempt: attempt({ reply: { code: 550, text: 'ä\r\n\r\n--b '.repeat(300) } }) })] },
  ],
]

describeWith([python], "Python's email package", () => {
  it.each(variants)('finds no defect in %s', async (_, changes) => {
    const message = readWithPython(await compose(changes))
    expect(message.defects).toEqual([])
    expect(message.type).toBe('multipart/report')
    expect(message.params['report-type']).toBe('delivery-status')
    expect(message.parts.map(part => part.defects)).toEqual([[], [], []])
    expect(message.parts.map(part => part.type).slice(0, 2)).toEqual([
      'text/plain',
      'message/delivery-status',
    ])
  })

  it('reads the fields of each recipient as a message of its own', async () => {
    const message = readWithPython(
      await compose({ recipients: [told(), told({ recipient: { address: 'c@d.test' } })] }),
    )
    const [about, ...recipients] = message.parts[1]?.parts ?? []
    expect(new Map(about?.headers).get('Reporting-MTA')).toBe('dns; mx.example.test')
    expect(recipients.map(part => new Map(part.headers).get('Final-Recipient'))).toEqual([
      'rfc822; bob@elsewhere.test',
      'rfc822; c@d.test',
    ])
  })

  it('reads the returned message', async () => {
    const returned = readWithPython(await compose()).parts[2]
    expect(returned?.type).toBe('message/rfc822')
    expect(new Map(returned?.parts[0]?.headers).get('Subject')).toBe('Our plans')
    expect(returned?.parts[0]?.text).toBe(original.slice(original.indexOf('\r\n\r\n') + 4))
  })

  it('decodes the words for a person', async () => {
    const reply = { code: 550, text: `Völlig überfüllt = ${'ä'.repeat(60)}` }
    const message = readWithPython(await compose({ recipients: [told({ attempt: attempt({ reply }) })] }))
    expect(message.parts[0]?.text).toContain('> 550 Völlig überfüllt =\r\n')
    expect(message.parts[0]?.text).toContain('ä'.repeat(60))
  })
})

describe('mailparser', () => {
  it.each(variants)('reads %s', async (_, changes) => {
    const mail = await simpleParser(await compose(changes))
    expect(mail.from?.text).toBe('"Mail Delivery System" <MAILER-DAEMON@mx.example.test>')
    expect(mail.headers.get('auto-submitted')).toBe('auto-replied')
    expect(mail.text).toContain('This is the mail server mx.example.test.')
    // It shows the fields of a delivery-status part as text.
    expect(mail.text).toContain('Reporting-MTA: dns; mx.example.test')
    expect(mail.text).toContain(`Action: ${changes.kind ?? 'failed'}`)
  })
})
