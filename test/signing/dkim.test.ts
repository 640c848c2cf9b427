import fc from 'fast-check'
import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import { describe, expect, it } from 'vitest'
import type { MessageSource } from '../../src/message/message-source.js'
import { bytesSource, readAll } from '../../src/message/sources.js'
import { createDkimSigner } from '../../src/signing/create-dkim-signer.js'
import type { DkimSignerOptions } from '../../src/signing/options.js'
import { describeWith } from '../testing-tools/tools.js'
import { dkimRecords, ed25519Key, rsaKey } from './dkim-keys.js'
import { dkimpy, verifyWithDkimpy } from './dkimpy.js'

const now = Date.now()
const records = dkimRecords('paris.test', 'mail.oslo.test')
const keys = [
  { domain: 'paris.test', selector: 'rsa', privateKey: rsaKey },
  { domain: 'paris.test', selector: 'ed', privateKey: ed25519Key },
  { domain: 'mail.oslo.test', selector: 'ed', privateKey: ed25519Key },
]
const letter = [
  'Received: from a by b; Thu, 1 Jan 2026 08:00:00 +0000',
  'From:  Alice   <alice@paris.test>',
  'To: bob@rome.test,',
  '\tcarol@rome.test  ',
  'SUBJECT:  Our  plans ',
  'Comments: one',
  'List-Id: <one>',
  'List-Id: <two>',
  'Message-ID: <plans@paris.test>',
  'Date: Thu, 1 Jan 2026 08:00:00 +0000',
  '',
  'Shall  we? \t',
  '',
  ' \t',
  'Yes.',
  '   ',
  '',
  '',
].join('\r\n')

async function sign(text: string | MessageSource, options: Partial<DkimSignerOptions> = {}, ours = true) {
  const message = typeof text === 'string' ? bytesSource(text) : text
  const signer = createDkimSigner({ keys, ...options })
  const envelope = { sender: 'alice@paris.test', recipients: [{ address: 'bob@rome.test' }] }
  const fields = await signer.sign(message, { traceId: 't', envelope, ours, now })
  const bytes = (await readAll(message)).toString('latin1')
  // What arrives ends in a line break, as DATA does.
  return { fields, whole: Buffer.from(fields + bytes + (bytes.endsWith('\r\n') ? '' : '\r\n'), 'latin1') }
}

const tag = (fields: string, name: string) =>
  new RegExp(`[;\\s]${name}=([^;]*)`).exec(fields)?.[1]?.replace(/\s/g, '')

async function verifyWithMailauth(message: Buffer) {
  const resolver = async (name: string) => [[records[name] ?? '']]
  const { results } = await dkimVerify(message, { resolver } as never)
  return results.map(result => (result.status as { result: string }).result)
}

const bodies: [string, string][] = [
  ['of a few lines', letter],
  ['without a body', 'From: alice@paris.test\r\nSubject: x\r\n\r\n'],
  ['without a line break at its end', 'From: alice@paris.test\r\n\r\nbody'],
  ['of blanks alone', 'From: alice@paris.test\r\n\r\n \t\r\n\r\n '],
  ['of line feeds alone', 'From: alice@paris.test\r\n\r\n\r\n\r\n\r\n'],
  ['in UTF-8', 'From: Älice <alice@paris.test>\r\nSubject: Grüße\r\n\r\nÄ  ö\r\n'],
  ['with long lines', `From: alice@paris.test\r\n\r\n${'x y  '.repeat(20_000)}\r\n`],
]

describeWith([dkimpy], 'dkimpy', () => {
  it.each(bodies)('verifies RSA and Ed25519 over a message %s', async (_, text) => {
    const { whole } = await sign(text)
    expect(verifyWithDkimpy(whole, records).dkim).toEqual([true, true])
  })

  it('sees what was changed, and what was added', async () => {
    const whole = (await sign(letter)).whole.toString('latin1')
    const verdicts = (changed: string) => verifyWithDkimpy(Buffer.from(changed, 'latin1'), records).dkim
    expect(verdicts(whole.replace('Our  plans', 'Our plans'))).toEqual([true, true])
    expect(verdicts(whole.replace('Our  plans', 'My plans'))).toEqual([false, false])
    expect(verdicts(whole.replace('Comments: one', 'Comments: two'))).toEqual([true, true])
    expect(verdicts(whole.replace('List-Id: <two>', 'List-Id: <2>'))).toEqual([false, false])
    for (const added of ['From: eve@lima.test', 'Subject: Win', 'Reply-To: eve@lima.test', 'Cc: e@lima.test'])
      expect(verdicts(whole.replace('\r\nTo:', `\r\n${added}\r\nTo:`)), added).toEqual([false, false])
    expect(verdicts(whole.replace('Yes.', 'No.'))).toEqual([
      expect.stringContaining('body hash'),
      expect.stringContaining('body hash'),
    ])
  })
})

describe('mailauth', () => {
  it.each(bodies)('verifies both over a message %s', async (_, text) => {
    expect(await verifyWithMailauth((await sign(text)).whole)).toEqual(['pass', 'pass'])
  })

  it('verifies whatever the body is, and however it comes in pieces (property)', async () => {
    const body = fc.array(fc.stringMatching(/^[ \tab]{0,6}$/), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(body, fc.integer({ min: 1, max: 7 }), async (lines, size) => {
        const text = `From: alice@paris.test\r\n\r\n${lines.join('\r\n')}`
        const inner = bytesSource(text)
        const message: MessageSource = {
          size: inner.size,
          async *open(range) {
            for await (const chunk of inner.open(range)) {
              for (let at = 0; at < chunk.length; at += size) yield chunk.subarray(at, at + size)
            }
          },
        }
        const { whole } = await sign(message, { keys: keys.slice(1, 2) })
        expect(await verifyWithMailauth(whole)).toEqual(['pass'])
      }),
      { numRuns: 200 },
    )
  })
})

describe('a signature', () => {
  it('names the key, the time, and one more of each field that must not be added', async () => {
    const { fields } = await sign(letter, { expiresAfter: '7d', keys: keys.slice(1) })
    expect(fields).toMatch(/^DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed\/relaxed; d=paris\.test;/)
    expect(tag(fields, 't')).toBe(String(Math.floor(now / 1000)))
    expect(tag(fields, 'x')).toBe(String(Math.floor(now / 1000) + 7 * 86_400))
    const names = tag(fields, 'h')?.split(':') ?? []
    const count = (name: string) => names.filter(each => each === name).length
    const counts = ['from', 'subject', 'reply-to', 'list-id', 'sender'].map(count)
    expect(counts).toEqual([2, 2, 1, 2, 0])
    expect(names).not.toContain('received')
    expect(Math.max(...fields.split('\r\n').map(line => line.length))).toBeLessThanOrEqual(110)
  })

  it('covers From, whatever else it is to (RFC 6376 §5.4)', async () => {
    const { fields } = await sign(letter, {
      signedFields: ['Subject'],
      oversignedFields: [],
      keys: keys.slice(1),
    })
    expect(tag(fields, 'h')).toBe('from:subject')
  })

  it('is made of what the domain has, or the one above it', async () => {
    const from = (address: string) => sign(`From: ${address}\r\n\r\n`).then(({ fields }) => tag(fields, 'd'))
    expect(await from('"a, eve@lima.test" (b@lima.test) <alice@PARIS.test>')).toBe('paris.test')
    expect(await from('alice@mx.paris.test')).toBe('paris.test')
    expect(await from('alice@deep.mail.oslo.test')).toBe('mail.oslo.test')
    for (const stranger of ['eve@oslo.test', 'eve@notparis.test', 'eve@test', 'nobody', '']) {
      expect(await from(stranger), stranger).toBeUndefined()
    }
  })

  it.each([
    ['two authors fields', 'From: alice@paris.test\r\nFrom: eve@lima.test\r\n\r\n', true],
    ['no header', 'Shall we?\r\n', true],
    ['a message of others', letter, false],
    ['an endless header', `From: alice@paris.test\r\n${'x: y\r\n'.repeat(300_000)}`, true],
  ])('is not made for %s', async (_, text, ours) => {
    expect((await sign(text, {}, ours)).fields).toBe('')
  })

  it('takes linear time over hostile bodies', async () => {
    const start = performance.now()
    for (const body of [' '.repeat(5_000_000), '\r\n'.repeat(2_000_000), ' \r\n x'.repeat(1_000_000)])
      await sign(`From: alice@paris.test\r\n\r\n${body}`, { keys: keys.slice(1) })
    expect(performance.now() - start).toBeLessThan(5_000)
  })
})

describe('options', () => {
  const privateKey = rsaKey
  it.each([
    [{ keys: [] }, /keys: .*at least one/],
    [
      { keys: [{ domain: 'a.test', selector: 'x', privateKey: 'nonsense' }] },
      /privateKey: .*PEM.*got a secret/,
    ],
    [{ keys: [{ domain: '..', selector: 'x', privateKey }] }, /keys\.0\.domain/],
    [{ keys: [{ domain: 'a.test', selector: 'x;y', privateKey }] }, /keys\.0\.selector/],
    [{ keys, signedFields: ['Sub ject'] }, /signedFields/],
  ])('that are wrong are refused: %#', (options, problem) => {
    expect(() => createDkimSigner(options as never)).toThrow(problem)
  })
})
