import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseDsn } from '../../src/dsn/parse-dsn.js'
import { bytesSource } from '../../src/message/sources.js'

const folder = 'test/fixtures/dsn'
const corpus = readdirSync(folder)
  .filter(name => name.endsWith('.eml'))
  .map(name => name.replace('.eml', ''))
const read = (name: string) => readFileSync(`${folder}/${name}.eml`)
const parse = (bytes: Uint8Array | string) => parseDsn(bytesSource(bytes))

/** Made by `make.py` of that folder; qmail and Exchange, which Debian has not, are written by hand. */
describe('the bounces of other servers', () => {
  it('are those of six', () => {
    expect(corpus.toSorted()).toEqual(['exchange', 'exim', 'opensmtpd', 'postfix', 'qmail', 'sendmail'])
  })

  it.each(corpus)('are read: %s', async name => {
    const dsn = await parse(read(name))
    expect(dsn?.reportingMta).toBe(`mx.${name}.test`)
    expect(dsn?.originalMessageId).toBe('<plans@paris.test>')
    const told = new Map(dsn?.recipients.map(each => [each.finalRecipient?.address, each]))
    expect([...told.keys()].toSorted()).toEqual(['eve@oslo.test', 'nobody@oslo.test'])
    const nobody = told.get('nobody@oslo.test')
    expect(nobody).toMatchObject({ action: 'failed', status: expect.stringMatching(/^5\.1\.10?$/) })
    expect(nobody?.diagnostic?.text).toMatch(/550.5\.1\.10? /)
  })

  it.each(['postfix', 'exim'])('say what the sender had named: %s', async name => {
    const dsn = await parse(read(name))
    expect(dsn?.envid).toBe('QQ314159')
    expect(dsn?.recipients[0]?.originalRecipient).toEqual({ type: 'rfc822', address: 'team@oslo.test' })
  })

  it('are read with CRLF and with LF', async () => {
    for (const name of corpus) {
      const text = read(name).toString('latin1').replaceAll('\r\n', '\n')
      expect(await parse(text.replaceAll('\n', '\r\n')), name).toEqual(await parse(text))
    }
  })
})

describe('bounces of plain text', () => {
  it('are read where a field names the addresses', async () => {
    const dsn = await parse(
      [
        'X-Failed-Recipients: bob@rome.test,',
        '  carol@rome.test, nonsense',
        'Auto-Submitted: auto-replied',
        '',
        'A message that you sent could not be delivered. The following addresses failed:',
        '',
        '  bob@rome.test',
        '    unrouteable address; 192.0.2.5.1.1 said 5.7.1',
        '    no',
        '',
        'dave@rome.test',
        '    is not asked for',
        '',
      ].join('\r\n'),
    )
    expect(dsn?.recipients).toEqual([
      {
        finalRecipient: { type: 'rfc822', address: 'bob@rome.test' },
        action: 'failed',
        status: '5.7.1',
        diagnostic: { type: '', text: 'unrouteable address; 192.0.2.5.1.1 said 5.7.1 no' },
      },
      { finalRecipient: { type: 'rfc822', address: 'carol@rome.test' }, action: 'failed' },
    ])
  })

  it.each([
    ['a letter', 'Subject: x\r\n\r\nHi. This is Bob.\r\n\r\n<bob@rome.test>:\r\nno\r\n'],
    ['a letter with a bounce in it', `Subject: x\r\n\r\nLook:\r\n${read('qmail').toString()}`],
    ['a field without addresses', 'X-Failed-Recipients: everybody\r\n\r\nno\r\n'],
    ['HTML', 'Content-Type: text/html\r\nX-Failed-Recipients: bob@rome.test\r\n\r\nno\r\n'],
  ])('are not all text: %s', async (_, text) => {
    expect(await parse(text)).toBeUndefined()
  })

  it('take bounded time, and name no more than 1,000', async () => {
    const start = performance.now()
    const many = Array.from({ length: 5_000 }, (_, at) => `<a${at}@b.test>:\r\nno\r\n`).join('\r\n')
    const qmail = (text: string) => parse(`\r\nHi. This is the program at a.test.\r\n\r\n${text}`)
    expect((await qmail(many))?.recipients).toHaveLength(1_000)
    for (const text of [
      '<'.repeat(100_000),
      'a@'.repeat(50_000),
      ' '.repeat(100_000),
      `<a@b.test>:${' x'.repeat(99_999)}`,
    ])
      await qmail(text)
    expect(performance.now() - start).toBeLessThan(5_000)
  })
})
