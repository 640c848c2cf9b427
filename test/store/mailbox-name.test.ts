import { describe, expect, it } from 'vitest'
import { assertAccount, normalizeMailboxName } from '../../src/store/mailbox-name.js'

describe('normalizeMailboxName', () => {
  it.each([
    ['Work', 'Work'],
    ['Work/2026/May', 'Work/2026/May'],
    ['inbox', 'INBOX'],
    ['InBoX/Sub', 'INBOX/Sub'],
    ['inboxes', 'inboxes'],
    ['Work/inbox', 'Work/inbox'],
    ['Cafe\u0301', 'Caf\u00e9'],
    ['🦄 with spaces & "quotes" %*', '🦄 with spaces & "quotes" %*'],
    ['__proto__', '__proto__'],
    ['..', '..'],
    ['é'.repeat(127), 'é'.repeat(127)],
    [`${'a/'.repeat(511)}a`, `${'a/'.repeat(511)}a`],
  ])('reads %j as %j', (name, normal) => {
    expect(normalizeMailboxName(name)).toBe(normal)
  })

  it.each([
    ['', 'empty'],
    ['/a', "begins or ends with '/'"],
    ['a/', "begins or ends with '/'"],
    ['/', "begins or ends with '/'"],
    ['a//b', 'a level is empty'],
    ['a\r\nb', 'control character'],
    ['a\u0000', 'control character'],
    ['a\u0085b', 'control character'],
    ['a\u2028b', 'control character'],
    ['\ud800', 'not well-formed'],
    ['x'.repeat(256), 'a level is too long'],
    [`a/${'é'.repeat(128)}`, 'a level is too long'],
    [`${'a/'.repeat(512)}a`, 'more than 1024 octets'],
    [5, 'it is no text'],
    [undefined, 'it is no text'],
  ])('refuses %j: %s', (name, problem) => {
    expect(() => normalizeMailboxName(name as string)).toThrowError(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining(problem) }),
    )
  })

  it('quotes a wrong name shortly and without control characters', () => {
    expect(() => normalizeMailboxName(`\r\n${'x'.repeat(10_000)}`)).toThrowError(
      /^mailbox name: got "\\r\\nx{70,}…,/,
    )
  })
})

describe('assertAccount', () => {
  it.each(['ann', 'ann@example.test', '__proto__', '🦄', 'a b'])('takes %j', account => {
    expect(() => assertAccount(account)).not.toThrow()
  })

  it.each(['', 'a\nb', '\udc00', 'x'.repeat(1_025), 7, undefined, null])('refuses %j', account => {
    expect(() => assertAccount(account as string)).toThrowError(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
  })
})
