import { describe, expect, it } from 'vitest'
import { describeError, MailError, mailErrorCodes } from '../../src/core/error.js'

describe('MailError', () => {
  it('carries code, message and what else it is made of', () => {
    const cause = new Error('below')
    const reply = { code: 452, enhanced: '4.3.1', text: 'full' }
    const error = new MailError('STORAGE_FULL', 'no room', { temporary: true, reply, cause })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      name: 'MailError',
      code: 'STORAGE_FULL',
      message: 'no room',
      temporary: true,
      reply,
      cause,
    })
    expect(String(error)).toBe('MailError: no room')
  })

  it('is permanent, without reply and cause, unless it is told otherwise', () => {
    const error = new MailError('PROTOCOL', 'odd')
    expect(error.temporary).toBe(false)
    expect(error.reply).toBeUndefined()
    expect('cause' in error).toBe(false)
  })

  it('knows a sentence for every code', () => {
    for (const [code, sentence] of Object.entries(mailErrorCodes)) {
      expect(code).toMatch(/^[A-Z][A-Z_]+[A-Z]$/)
      expect(sentence).toMatch(/^[A-Z].*[^.]$/)
    }
  })
})

describe('describeError', () => {
  it.each([
    [new Error('broke'), 'broke'],
    ['text', 'text'],
    [null, 'a thrown null'],
    [undefined, 'a thrown undefined'],
    [{ message: 'no error' }, 'a thrown object'],
    [5, 'a thrown number'],
  ])('describes %j', (thrown, text) => {
    expect(describeError(thrown)).toBe(text)
  })
})
