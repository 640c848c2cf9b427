import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { exportMaildir, exportMbox, importMaildir, importMbox } from '../../src/import/index.js'
import { describeStorages } from '../testing-tools/describe-storages.js'
import { type Letter, lettersIn, newYear, storeWith } from './sample-store.js'

/** Text made of what mbox and Maildir stumble over. */
const octets = fc
  .array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.constantFrom('\r\n', '\n', '\r', '\r\r\n', 'From ', '>', '>>', '\0', ' ', '\t', 'x'),
      },
      fc.constantFrom(
        'From ann@example.test Thu Jan  1 00:00:00 2026\r\n',
        'Status: RO\r\n',
        'X-Status: A\r\n',
        'X-Keywords: work\r\n',
        'X-Posthorn-Mbox: date=0; size=5; lines=crlf; end=break\r\n',
        'Return-Path: <ben@example.test>\r\n',
        'Subject: hello\r\n',
        '\r\n\r\n',
        '\n\n',
        `${'>'.repeat(4_095)}`,
        'y'.repeat(4_094),
      ),
      fc.string({ unit: 'binary', maxLength: 20 }).map(text => Buffer.from(text).toString('latin1')),
    ),
    { maxLength: 12 },
  )
  .map(parts => parts.join(''))

const flag = fc.constantFrom(
  '\\Seen',
  '\\Answered',
  '\\Flagged',
  '\\Deleted',
  '\\Draft',
  '$Forwarded',
  '$Junk',
  'work',
  'red,green',
  'blue,',
  '__proto__',
  '\\Extension',
)

const letters: fc.Arbitrary<Letter[]> = fc.array(
  fc.record({
    octets,
    flags: fc.uniqueArray(flag, { maxLength: 6 }).map(flags => flags.sort()),
    date: fc.integer({ min: 0, max: newYear * 2 }),
  }),
  { maxLength: 4 },
)

const mailboxName = fc
  .array(
    fc.constantFrom(
      'a',
      'B',
      '.',
      '..',
      '\\',
      '\\2e',
      '&',
      '&-',
      'é',
      '日本',
      '📮',
      ' ',
      'INBOX',
      '~',
      '-',
      'cur',
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map(parts => parts.join(''))
  .chain(level => fc.constantFrom(level, `Work/${level}`, `${level}/${level}`))
  .map(name => name.normalize('NFC'))

async function inScratch<T>(work: (path: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'posthorn-import-'))
  try {
    return await work(join(directory, 'mail'))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

describeStorages('export and import', () => {
  it.each(['lf', 'keep'] as const)(
    'mbox with lines %s gives back octets, flags and dates',
    async lineBreaks => {
      await fc.assert(
        fc.asyncProperty(
          letters,
          fc.constantFrom('crlf' as const, 'keep' as const),
          async (written, reading) => {
            await inScratch(async file => {
              await using from = await storeWith({ INBOX: written })
              await using to = await storeWith()
              await exportMbox({ store: from, account: 'ann', file, lineBreaks })
              const report = await importMbox({ store: to, account: 'ann', file, lineBreaks: reading })
              expect(await lettersIn(to)).toEqual(written)
              expect(report).toMatchObject({ messages: written.length, problemCount: 0 })
            })
          },
        ),
        { numRuns: 150 },
      )
    },
  )

  it.each([
    ['lf', 'utf-7'],
    ['keep', 'utf-8'],
  ] as const)('Maildir with lines %s and names in %s gives back all', async (lineBreaks, folderNames) => {
    const mailboxes = fc
      .uniqueArray(mailboxName, { maxLength: 3 })
      .chain(names =>
        fc.record(
          Object.fromEntries(
            ['INBOX', ...names.filter(name => !/^inbox/i.test(name))].map(n => [n, letters]),
          ),
        ),
      )
    await fc.assert(
      fc.asyncProperty(mailboxes, async written => {
        await inScratch(async directory => {
          await using from = await storeWith()
          for (const [mailbox, kept] of Object.entries(written)) {
            await from.createMailbox('ann', mailbox).catch(() => {})
            for (const { octets, flags, date } of kept) {
              await from.append('ann', Buffer.from(octets, 'latin1'), { mailbox, flags, internalDate: date })
            }
          }
          await using to = await storeWith()
          const exported = await exportMaildir({
            store: from,
            account: 'ann',
            directory,
            lineBreaks,
            folderNames,
          })
          const imported = await importMaildir({ store: to, account: 'ann', directory })
          for (const [mailbox, kept] of Object.entries(written))
            expect(await lettersIn(to, mailbox)).toEqual(kept)
          const names = async (store: typeof to) => (await store.mailboxes('ann')).map(({ name }) => name)
          expect(await names(to)).toEqual(await names(from))
          expect([exported.problemCount, imported.problemCount]).toEqual([0, 0])
          expect(imported.bytes).toBe(exported.bytes)
        })
      }),
      { numRuns: 60 },
    )
  })

  it('an mbox survives a journey that makes CRLF of its line breaks', async () => {
    const written = ['Subject: a\r\n\r\nFrom b\r\n\r\n', 'Subject: c\r\n\r\n>From d', ''].map(
      (text, index) => ({
        octets: text,
        flags: ['\\Seen', 'work'],
        date: newYear + index,
      }),
    )
    await inScratch(async file => {
      await using from = await storeWith({ INBOX: written })
      const target = createWriteStream(file)
      const toCrlf = new Transform({
        transform: (chunk: Buffer, _, done) =>
          done(null, Buffer.from(chunk.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')),
      })
      toCrlf.pipe(target)
      await exportMbox({ store: from, account: 'ann', stream: toCrlf })
      if (!target.writableFinished) await once(target, 'finish')
      await using to = await storeWith()
      const report = await importMbox({ store: to, account: 'ann', file })
      expect(await lettersIn(to)).toEqual(written)
      expect(report.problems).toEqual([])
    })
  })
})
