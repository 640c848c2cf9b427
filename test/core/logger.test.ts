import { describe, expect, it, vi } from 'vitest'
import { MailError } from '../../src/core/error.js'
import { escapeControls } from '../../src/core/escape-controls.js'
import { guardLogger, type Logger, silentLogger } from '../../src/core/logger.js'

function recording() {
  const records: { level: string; fields: Record<string, unknown>; message: string }[] = []
  const at = (level: string) => (fields: object, message: string) =>
    void records.push({ level, fields: fields as Record<string, unknown>, message })
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  return { logger: guardLogger(logger), records }
}

/** What the app's logger gets of some fields. */
function logged(fields: object): Record<string, unknown> {
  const { logger, records } = recording()
  logger.info(fields, 'message')
  return records[0]?.fields ?? {}
}

describe('guardLogger', () => {
  it('passes on level, fields and message', () => {
    const { logger, records } = recording()
    for (const level of ['debug', 'info', 'warn', 'error'] as const)
      logger[level]({ port: 25, ok: true }, level)
    expect(records).toEqual(
      ['debug', 'info', 'warn', 'error'].map(level => ({
        level,
        fields: { port: 25, ok: true },
        message: level,
      })),
    )
  })

  it.each([
    'password',
    'Password',
    'userPassword',
    'passphrase',
    'passwd',
    'pass',
    'pwd',
    'secret',
    'clientSecret',
    'token',
    'accessToken',
    'credentials',
    'authorization',
    'Authorization',
    'privateKey',
    'private_key',
    'apiKey',
    'cookie',
    'passwordHash',
  ])('never shows a field named %s', name => {
    const everywhere = {
      [name]: 's3cret',
      nested: { [name]: 's3cret', list: [{ [name]: 's3cret' }, [{ [name]: { deep: 's3cret' } }]] },
      error: Object.assign(new Error('no'), { [name]: 's3cret', cause: { [name]: 's3cret' } }),
    }
    const fields = logged(everywhere)
    expect(JSON.stringify(fields)).not.toContain('s3cret')
    expect(fields[name]).toBe('[redacted]')
  })

  it('shows what only sounds a little like it', () => {
    expect(logged({ path: 'a', user: 'b', host: 'c', compass: 1, author: 'd' })).toMatchObject({
      path: 'a',
      author: 'd',
    })
  })

  it('hides what lies too deep to look through', () => {
    const fields = logged({ a: { b: { c: { d: { e: { note: 's3cret' } } } } } })
    expect(JSON.stringify(fields)).toBe('{"a":{"b":{"c":{"d":{"e":"[…]"}}}}}')
  })

  it('keeps control characters and text that runs backwards out of everything', () => {
    const { logger, records } = recording()
    const evil = 'a\r\nb\0\x1b[31m\u202ec'
    logger.info({ [evil]: 1, text: evil, list: [evil], error: new Error(evil) }, evil)
    const clean = 'a\\x0d\\x0ab\\x00\\x1b[31m\\u202ec'
    expect(records[0]).toMatchObject({
      message: clean,
      fields: { [clean]: 1, text: clean, list: [clean], error: { message: clean } },
    })
    const { stack = [] } = (records[0]?.fields['error'] ?? {}) as { stack?: string[] }
    expect(stack.length).toBeGreaterThan(0)
    expect(stack.join('')).not.toContain('\n')
  })

  it('names octets and objects with an inside, and shows nothing of them', () => {
    class Connection {
      readonly inside = 's3cret'
    }
    const date = new Date(0)
    expect(
      logged({
        body: Buffer.from('s3cret'),
        connection: new Connection(),
        map: new Map([['password', 's3cret']]),
        call: () => 's3cret',
        date,
        none: null,
        bare: Object.assign(Object.create(null), { a: 1 }),
      }),
    ).toEqual({
      body: '[6 octets]',
      connection: '[Connection]',
      map: '[Map]',
      call: '[function]',
      date,
      none: null,
      bare: { a: 1 },
    })
  })

  it('shows an error as fields, with its code and cause', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    const error = new MailError('CONNECT_FAILED', 'cannot connect', { temporary: true, cause })
    expect(logged({ error })['error']).toMatchObject({
      name: 'MailError',
      code: 'CONNECT_FAILED',
      message: 'cannot connect',
      temporary: true,
      cause: { name: 'Error', message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' },
    })
  })

  it('cuts long text and long lists, and ends at circles', () => {
    const circle: Record<string, unknown> = { text: 'x'.repeat(1_000_000), list: Array(100_000).fill('x') }
    circle['self'] = circle
    const fields = logged(circle)
    expect(JSON.stringify(fields).length).toBeLessThan(20_000)
    expect(String(fields['text']).length).toBeLessThan(2100)
  })

  it('makes an own field of a prototype name', () => {
    const fields = logged(JSON.parse('{"__proto__":{"password":"s3cret","a":1}}') as object)
    expect(Object.getPrototypeOf(fields)).toBe(Object.prototype)
    expect(JSON.stringify(fields)).toBe('{"__proto__":{"password":"[redacted]","a":1}}')
  })

  it('does not let a failing logger disturb the mail', async () => {
    const fail = () => {
      throw new Error('disk full')
    }
    const rejects = () => Promise.reject(new Error('disk full'))
    const unhandled = vi.fn()
    process.once('unhandledRejection', unhandled)
    const logger = guardLogger({ debug: fail, info: rejects, warn: fail, error: fail })
    logger.debug({}, 'a')
    logger.info({}, 'b')
    logger.error(
      {
        get trap() {
          throw new Error('trap')
        },
      },
      'c',
    )
    await new Promise(resolve => setImmediate(resolve))
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })

  it('guards once, and the silent logger not at all', () => {
    const { logger } = recording()
    expect(guardLogger(logger)).toBe(logger)
    expect(guardLogger(silentLogger)).toBe(silentLogger)
    // A copy of the silent logger, as zod makes of a default.
    expect(guardLogger({ ...silentLogger })).toBe(silentLogger)
    expect(silentLogger.error({}, 'nothing')).toBeUndefined()
  })
})

describe('escapeControls', () => {
  it('leaves other text as it is', () => {
    expect(escapeControls('Grüße, 世界 🎉 ~!')).toBe('Grüße, 世界 🎉 ~!')
    expect(escapeControls('\t\u0085\u2028')).toBe('\\x09\\x85\\u2028')
  })
})
