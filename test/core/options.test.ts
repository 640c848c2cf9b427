import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Clock, systemClock } from '../../src/core/clock.js'
import { durationSchema, functionSchema, parseOptions, shapeSchema } from '../../src/core/options.js'

const schema = z.strictObject({
  hostname: z.string(),
  timeout: durationSchema.default(5000),
  clock: shapeSchema<Clock>('a clock', ['now', 'schedule']).optional(),
  greet: functionSchema<() => string>('a function that greets').optional(),
  users: z.array(z.strictObject({ name: z.string(), password: z.string() })).optional(),
})

const parse = (options: unknown) => parseOptions('createThing', schema, options)

/** The message of the one error that wrong options give. */
function refusal(options: unknown): string {
  try {
    parse(options)
  } catch (error) {
    expect(error).toMatchObject({ name: 'MailError', code: 'OPTION_INVALID', temporary: false })
    return (error as Error).message
  }
  throw new Error('the options were taken')
}

describe('parseOptions', () => {
  it('gives defaults, and durations in milliseconds', () => {
    expect(parse({ hostname: 'mx' })).toEqual({ hostname: 'mx', timeout: 5000 })
    expect(parse({ hostname: 'mx', timeout: '2m', clock: systemClock }).timeout).toBe(120_000)
  })

  it.each([
    [undefined, /^createThing: options: .*expected object.*, got nothing$/],
    [{}, /^createThing: hostname: .*expected string.*, got nothing$/],
    [{ hostname: 5 }, /hostname: .*, got 5$/],
    [
      { hostname: 'a', timeout: '1w' },
      /timeout: expected milliseconds or a length such as '30h', '15m' or '10s', got "1w"$/,
    ],
    [{ hostname: 'a', timeout: -1 }, /timeout: .*, got -1$/],
    [{ hostname: 'a', clock: { now() {} } }, /clock: expected a clock with now\(\), schedule\(\), got {}$/],
    [{ hostname: 'a', clock: null }, /clock: .*, got null$/],
    [{ hostname: 'a', greet: 'hello' }, /greet: expected a function that greets, got "hello"$/],
    [{ hostname: () => 'a' }, /hostname: .*, got a function$/],
    [{ hostname: Buffer.from('a') }, /hostname: .*, got a Buffer$/],
    [{ hostname: 'a', hostnam: 'b' }, /Unrecognized key: "hostnam"/],
    [{ hostname: 'a', users: [{ name: 1, password: 'x' }] }, /users\.0\.name: .*, got 1$/],
  ])('names what is wrong with %j', (options, message) => {
    expect(refusal(options)).toMatch(message)
  })

  it('names every option that is wrong', () => {
    expect(refusal({ timeout: '1w', greet: 1 })).toMatch(/hostname: .*; timeout: .*; greet: /)
  })

  it('stays on one line of bounded length, and ends at circles', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    expect(refusal({ hostname: circle })).toMatch(/got a object$|got an object$/)
    expect(refusal({ hostname: 5n })).toMatch(/got a bigint$/)
    expect(refusal({ hostname: { text: 'x'.repeat(10_000) } }).length).toBeLessThan(300)
  })

  it('never shows a secret', () => {
    for (const options of [
      { hostname: 'a', users: [{ name: 'alice', password: 12345 }] },
      { hostname: 'a', users: [{ name: 'alice', password: 's12345', typo: true }] },
      { hostname: 'a', users: { password: 's12345' } },
      { hostname: { password: 's12345', nested: [{ token: 's12345' }] } },
    ]) {
      expect(refusal(options)).not.toContain('12345')
    }
  })
})
