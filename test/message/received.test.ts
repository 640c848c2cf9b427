import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseHeader } from '../../src/message/header.js'
import {
  formatReceived,
  formatReturnPath,
  type ReceivedInfo,
  transmissionType,
} from '../../src/message/received.js'

const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' }

const info: ReceivedInfo = {
  hello: 'client.example',
  remoteAddress: '192.0.2.7',
  hostname: 'mx.example.test',
  kind: 'smtp',
  extended: true,
  id: '0123456789abcdef',
  receivedAt: Date.UTC(2026, 0, 1),
}

const unfold = (field: string) => field.replace(/\r\n\t/g, ' ').trimEnd()

describe('formatReceived', () => {
  it('writes the clauses of RFC 5321 §4.4 in their order', () => {
    const field = formatReceived({
      ...info,
      remoteName: 'Host.Example',
      tls,
      account: 'alice',
      recipient: 'bob@example.test',
    })
    expect(unfold(field)).toBe(
      'Received: from client.example (host.example [192.0.2.7]) by mx.example.test with ESMTPSA ' +
        '(TLSv1.3 TLS_AES_256_GCM_SHA384) id 0123456789abcdef for <bob@example.test>; ' +
        'Thu, 1 Jan 2026 00:00:00 +0000',
    )
    for (const line of field.trimEnd().split('\r\n')) expect(line.length).toBeLessThanOrEqual(78)
    expect(field.endsWith('\r\n')).toBe(true)
  })

  it('leaves out what is not known', () => {
    expect(unfold(formatReceived({ ...info, remoteAddress: '2001:db8::7' }))).toBe(
      'Received: from client.example ([IPv6:2001:db8::7]) by mx.example.test with ESMTP id 0123456789abcdef; ' +
        'Thu, 1 Jan 2026 00:00:00 +0000',
    )
    const { hello: _, ...silent } = info
    expect(formatReceived({ ...silent, remoteAddress: '' })).toContain('from unknown (local) by')
  })

  it.each([
    'a\r\nX-Evil: 1',
    'a; Thu, 1 Jan 1970 00:00:00 +0000',
    'a) by evil.example (',
    'ünïcode',
    '\u0000\u007f\u2028',
    'x'.repeat(5000),
  ])('lets nothing a client says leave its place: %j', text => {
    const field = formatReceived({
      ...info,
      hello: text,
      remoteName: text,
      tls: { version: text, cipher: text },
      id: text,
      recipient: text,
    })
    expect(parseHeader(Buffer.from(field)).fields).toHaveLength(1)
    expect(field).toMatch(/^[\r\n\t -~]*$/)
    expect(field.split(';')).toHaveLength(2)
    expect(field.match(/\bby\b/g)).toHaveLength(1)
    expect(field.split('(')).toHaveLength(3)
  })

  it('stays one field of short lines whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (hello, recipient) => {
        const field = formatReceived({ ...info, hello, recipient })
        expect(parseHeader(Buffer.from(field)).fields).toHaveLength(1)
        expect(field).toMatch(/; Thu, 1 Jan 2026|;\r\n\tThu, 1 Jan 2026/)
        for (const line of field.split('\r\n')) expect(line.length).toBeLessThan(998)
      }),
    )
  })
})

describe('transmissionType', () => {
  it.each([
    [{ kind: 'smtp', extended: false }, 'SMTP'],
    [{ kind: 'smtp', extended: true }, 'ESMTP'],
    [{ kind: 'smtp', extended: true, tls }, 'ESMTPS'],
    [{ kind: 'submission', extended: true, account: 'a' }, 'ESMTPA'],
    [{ kind: 'submission', extended: true, account: 'a', tls }, 'ESMTPSA'],
    [{ kind: 'lmtp', extended: true }, 'LMTP'],
    [{ kind: 'lmtp', extended: true, tls, account: 'a' }, 'LMTPSA'],
    [{ kind: 'smtp', extended: true, smtputf8: true }, 'UTF8SMTP'],
    [{ kind: 'submission', extended: true, smtputf8: true, tls, account: 'a' }, 'UTF8SMTPSA'],
    [{ kind: 'lmtp', extended: true, smtputf8: true, tls }, 'UTF8LMTPS'],
  ] as const)('names %j %s (RFC 3848, RFC 6531 §4.3)', (session, name) => {
    expect(transmissionType(session)).toBe(name)
  })
})

describe('formatReturnPath', () => {
  it('writes the sender, and the null sender as <>', () => {
    expect(formatReturnPath('alice@example.test')).toBe('Return-Path: <alice@example.test>\r\n')
    expect(formatReturnPath('"a b"@example.test')).toBe('Return-Path: <"a b"@example.test>\r\n')
    expect(formatReturnPath('')).toBe('Return-Path: <>\r\n')
  })

  it('writes nothing that is no address', () => {
    expect(formatReturnPath('a@b\r\nX: 1')).toBe('Return-Path: <>\r\n')
    expect(formatReturnPath('"a\r\nX: 1"@example.test')).toBe('Return-Path: <>\r\n')
  })
})
