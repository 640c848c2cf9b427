import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseDsn } from '../../src/dsn/parse-dsn.js'
import { bytesSource } from '../../src/message/sources.js'
import { expectReport, type Told } from '../interop/foreign-reports.js'

const folder = 'test/fixtures/dsn'
const corpus = readdirSync(folder)
  .filter(name => name.endsWith('.eml'))
  .map(name => name.replace('.eml', ''))
const read = (name: string) => readFileSync(`${folder}/${name}.eml`)
const parse = (bytes: Uint8Array | string) => parseDsn(bytesSource(bytes))

/** Whom the reports of a server are about, where it is not the same for all. */
const recipients: Record<string, readonly string[]> = {
  failed: ['nobody@oslo.test', 'eve@oslo.test'],
  delayed: ['later@oslo.test'],
  relayed: ['dora@oslo.test'],
  delivered: ['bob@rome.test'],
  'exim-delivered': ['bob@rome.test', 'dora@oslo.test'],
  expanded: ['team@rome.test'],
  smtputf8: ['nöbody@oslo.test'],
}

/**
 * Made by the tests in `test/interop` with the servers of Debian (`POSTHORN_KEEP_DSNS=1`); qmail, Exchange and others
 * that Debian has not are written by hand.
 */
describe('the reports of other servers', () => {
  it('are those of six, of all kinds', () => {
    const [servers, told] = [0, 1].map(at => [...new Set(corpus.map(name => name.split('-')[at]))].toSorted())
    expect(servers).toEqual(['exchange', 'exim', 'opensmtpd', 'postfix', 'qmail', 'sendmail'])
    expect(told).toEqual(['delayed', 'delivered', 'expanded', 'failed', 'relayed', 'smtputf8'])
  })

  it.each(corpus)('are read: %s', async name => {
    const told = name.split('-')[1] as Told
    expectReport(await parse(read(name)), told, recipients[name] ?? recipients[told] ?? [])
  })

  it.each(corpus.filter(name => name.endsWith('-failed')))('have what the server said: %s', async name => {
    const dsn = await parse(read(name))
    const nobody = dsn?.recipients.find(one => one.finalRecipient?.address === 'nobody@oslo.test')
    expect(nobody?.diagnostic?.text).toMatch(/550.5\.1\.10? /)
  })

  it.each(['postfix-failed', 'exim-failed', 'sendmail-failed'])(
    'say what the sender had named: %s',
    async name => {
      const dsn = await parse(read(name))
      expect(dsn?.envid).toBe('QQ314159')
      const nobody = dsn?.recipients.find(one => one.finalRecipient?.address === 'nobody@oslo.test')
      expect(nobody?.originalRecipient).toEqual({ type: 'rfc822', address: 'team@oslo.test' })
    },
  )

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
    ['a letter with a bounce in it', `Subject: x\r\n\r\nLook:\r\n${read('qmail-failed').toString()}`],
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
    const old = '\r\nThe original message was received today\r\n'
    for (const text of ['\r\n'.repeat(30_000), ' '.repeat(60_000), '-'.repeat(60_000)])
      await parse(old + text)
    expect(performance.now() - start).toBeLessThan(5_000)
  })
})
