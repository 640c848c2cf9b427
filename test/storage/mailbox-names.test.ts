import { describe, expect, it } from 'vitest'
import { mailboxesAbove, renamedMailboxes } from '../../src/storage/mailbox-names.js'

describe('mailboxesAbove', () => {
  it('names the highest first', () => {
    expect(mailboxesAbove('a/b/c')).toEqual(['a', 'a/b'])
    expect(mailboxesAbove('a')).toEqual([])
  })
})

describe('renamedMailboxes', () => {
  it('renames a mailbox with those below it', () => {
    const renamed = renamedMailboxes(['INBOX', 'a', 'a/x', 'ab'], 'a', 'b/c')
    expect([...renamed]).toEqual([
      ['a', 'b/c'],
      ['a/x', 'b/c/x'],
    ])
  })

  it('lets names be exchanged among those that move', () => {
    expect(renamedMailboxes(['a', 'a/b/c', 'a/c'], 'a', 'a/b').get('a/c')).toBe('a/b/c')
  })

  it('leaves INBOX and those below it where they are', () => {
    expect(renamedMailboxes(['INBOX', 'INBOX/x'], 'INBOX', 'Old').size).toBe(0)
  })

  it.each([
    ['a', 'b'],
    ['a', 'a'],
    ['INBOX', 'b'],
    ['a', 'c'],
  ])('refuses to rename %s to %s where a name is taken', (from, to) => {
    const names = ['INBOX', 'a', 'a/x', 'b', 'c/x']
    expect(() => renamedMailboxes(names, from, to)).toThrow(
      expect.objectContaining({ code: 'MAILBOX_EXISTS' }),
    )
  })
})
