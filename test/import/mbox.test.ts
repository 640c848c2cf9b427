import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MailError } from '../../src/core/error.js'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import { exportMbox, importMbox } from '../../src/import/index.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { createMailStore } from '../../src/store/create-mail-store.js'
import { describeStorages } from '../testing-tools/describe-storages.js'
import { letter, lettersIn, newYear, scratchDirectory, storeWith, trickle } from './sample-store.js'

type Options = Partial<Parameters<typeof importMbox>[0]>

/** Imports the text of an mbox; gives the letters of INBOX and the report. */
async function read(mbox: string, options: Options = {}) {
  const store = await storeWith()
  const report = await importMbox({ store, account: 'ann', stream: trickle(mbox, 4_000), ...options })
  return { report, letters: await lettersIn(store), store }
}

const from = 'From ann@example.test Thu Jan  1 00:00:00 2026\n'

describeStorages('importMbox', () => {
  it('reads messages with their dates, and makes the line breaks of mail', async () => {
    const mbox = `${from}Subject: a\n\none\n\n${from.replace('00:00:00', '12:30:05')}Subject: b\n\ntwo\n\n`
    const { letters, report } = await read(mbox)
    expect(letters).toEqual([
      { octets: 'Subject: a\r\n\r\none\r\n', flags: [], date: newYear },
      { octets: 'Subject: b\r\n\r\ntwo\r\n', flags: [], date: newYear + (12 * 3600 + 30 * 60 + 5) * 1000 },
    ])
    expect(report).toEqual({ messages: 2, bytes: 38, mailboxes: ['INBOX'], problems: [], problemCount: 0 })
  })

  it('keeps the octets of the file when told to', async () => {
    const { letters } = await read(`${from}Subject: a\n\none\r\ntwo\n`, { lineBreaks: 'keep' })
    expect(letters[0]?.octets).toBe('Subject: a\n\none\r\ntwo\n')
  })

  it('reads a file with lines of CRLF, and one with both', async () => {
    const { letters } = await read(`${from}Subject: a\n\none\n\n`.replaceAll('\n', '\r\n'))
    expect(letters[0]?.octets).toBe('Subject: a\r\n\r\none\r\n')
    const mixed = await read(`${from}Subject: a\r\n\none\r\n\n${from}Subject: b\r\n\r\n\r\n`)
    expect(mixed.letters.map(each => each.octets)).toEqual([
      'Subject: a\r\n\r\none\r\n',
      'Subject: b\r\n\r\n',
    ])
  })

  it('takes flags out of the header, wherever they are in it', async () => {
    const header =
      'Subject: a\nStatus: RO\nX-Status: AFTD\nX-Keywords: work $forwarded\n more\nX-UID: 5\nTo: b\n'
    const { letters, report } = await read(`${from}${header}\nStatus: RO\n\n`)
    expect(letters[0]).toEqual({
      octets: 'Subject: a\r\nTo: b\r\n\r\nStatus: RO\r\n',
      flags: ['$Forwarded', '\\Answered', '\\Deleted', '\\Draft', '\\Flagged', '\\Seen', 'work'],
      date: newYear,
    })
    expect(report.problems).toEqual([])
  })

  it('takes commas between keywords for no part of them, where another program wrote the file', async () => {
    const { letters } = await read(`${from}X-Keywords: red,green, blue\n\nx\n`)
    expect(letters[0]?.flags).toEqual(['blue', 'green', 'red'])
  })

  it('makes the mailbox, also for an mbox without messages, and names it as the store does', async () => {
    const empty = await read('', { mailbox: 'Lists/new' })
    expect(empty.report).toMatchObject({ messages: 0, mailboxes: ['Lists/new'] })
    expect(await lettersIn(empty.store, 'Lists/new')).toEqual([])
    const told: string[] = []
    const onProgress = ({ mailbox }: { mailbox: string }) => told.push(mailbox)
    const { report } = await read(`${from}Subject: a\n\nx\n`, { mailbox: 'inbox/new', onProgress })
    expect([report.mailboxes, told]).toEqual([['INBOX/new'], ['INBOX/new']])
  })

  it('makes no mailbox for a file that cannot be read', async () => {
    const store = await storeWith()
    const file = join(await scratchDirectory(), 'none.mbox')
    await expect(importMbox({ store, account: 'ann', file, mailbox: 'Work' })).rejects.toMatchObject({
      code: 'FILE_FAILED',
    })
    expect((await store.mailboxes('ann')).map(({ name }) => name)).not.toContain('Work')
  })

  it('reports keywords that can be no flags', async () => {
    const { letters, report } = await read(`${from}X-Keywords: ok b{d\n\nx\n`)
    expect(letters[0]?.flags).toEqual(['ok'])
    expect(report.problems).toMatchObject([
      { message: 'the stream, line 1: "b{d" can be no flag and is left out', line: 1, offset: 0 },
    ])
  })

  it('unquotes as the format says', async () => {
    const text = '>From a\n>>From b\n>>>From c\n>Fromage\n > From d\n'
    const mboxrd = await read(`${from}${text}`)
    expect(mboxrd.letters[0]?.octets).toBe('From a\r\n>From b\r\n>>From c\r\n>Fromage\r\n > From d\r\n')
    const mboxo = await read(`${from}${text}`, { format: 'mboxo' })
    expect(mboxo.letters[0]?.octets).toBe('From a\r\n>>From b\r\n>>>From c\r\n>Fromage\r\n > From d\r\n')
  })

  it('tells a line of text that begins with From from a message, and says so where it is in doubt', async () => {
    const mbox = `${from}Subject: a\n\nFrom here on\n\nFrom there to\n\n${from}Subject: b\n\nx\n`
    const { letters, report } = await read(mbox)
    expect(letters.map(each => each.octets)).toEqual([
      'Subject: a\r\n\r\nFrom here on\r\n\r\nFrom there to\r\n',
      'Subject: b\r\n\r\nx\r\n',
    ])
    expect(report.problems.map(problem => [problem.line, problem.offset])).toEqual([
      [4, 59],
      [6, 73],
    ])
    expect(report.problems[0]?.message).toBe(
      "the stream, line 4: a line begins with 'From ' and has no date: taken for text",
    )
  })

  it('takes a message that no empty line stands before, and one without a text', async () => {
    const { letters } = await read(`${from}Subject: a\n\none\n${from}${from}Subject: c\n`)
    expect(letters.map(each => each.octets)).toEqual(['Subject: a\r\n\r\none\r\n', '', 'Subject: c\r\n'])
  })

  it('dates a message by its header where the file says nothing, and by the clock where that does not', async () => {
    const clock = createVirtualClock()
    const dated = await read('From nobody\nDate: Fri, 2 Jan 2026 03:04:05 +0100\n\nx\n', { clock })
    expect(dated.letters[0]?.date).toBe(Date.UTC(2026, 0, 2, 2, 4, 5))
    const undated = await read('From nobody\nDate: soon\n\nx\n', { clock })
    expect(undated.letters[0]?.date).toBe(clock.now())
  })

  it('reports what stands before the first message, and reads the rest', async () => {
    const { letters, report } = await read(`\n\nSubject: lost\n\nlost\n\n${from}Subject: a\n\nx\n`)
    expect(letters).toHaveLength(1)
    expect(report.problems).toEqual([
      {
        message: "the stream, line 3: text before the first line that begins with 'From ': left out",
        mailbox: 'INBOX',
        line: 3,
        offset: 2,
      },
    ])
    expect((await read('')).report).toMatchObject({ messages: 0, problemCount: 0 })
  })

  it('reports a message that was cut or changed since it was exported', async () => {
    const store = await storeWith({
      INBOX: [letter('Subject: a\r\n\r\none\r\n'), letter('Subject: b\r\n\r\ntwo\r\n')],
    })
    const file = join(await scratchDirectory(), 'mbox')
    await exportMbox({ store, account: 'ann', file })
    const mbox = await readFile(file, 'latin1')
    const { letters, report } = await read(mbox.slice(0, -4))
    expect(letters.map(each => each.octets)).toEqual(['Subject: a\r\n\r\none\r\n', 'Subject: b\r\n\r\nt'])
    expect(report.problems).toMatchObject(
      [{ message: /line 8: the message had 19 octets .* and has 15/ }].map(({ message }) => ({
        message: expect.stringMatching(message),
      })),
    )
  })

  it('finds the same whatever the pieces are in which octets come', async () => {
    const part = fc.constantFrom(
      from,
      '\n',
      '\r\n',
      '\r',
      '>',
      'From ',
      'Status: R\n',
      'a',
      'Subject: x\n',
      'F',
    )
    const mbox = fc.array(part, { maxLength: 30 }).map(parts => from + parts.join(''))
    await fc.assert(
      fc.asyncProperty(mbox, fc.integer({ min: 1, max: 9 }), async (text, step) => {
        const whole = await read(text)
        const pieces = await read(text, { stream: trickle(text, step) })
        expect(pieces.letters).toEqual(whole.letters)
        expect(pieces.report).toEqual(whole.report)
      }),
      { numRuns: 200 },
    )
  })

  it('reads long lines and long runs of quotes without gathering them', async () => {
    const line = `${'>'.repeat(100_000)}From x\n${'y'.repeat(300_000)}\n`
    const { letters } = await read(`${from}Subject: a\n\n${line}`)
    expect(letters[0]?.octets).toBe(`Subject: a\r\n\r\n${line.slice(1).replaceAll('\n', '\r\n')}`)
    const back = await storeWith({ INBOX: [letter(line)] })
    const file = join(await scratchDirectory(), 'mbox')
    await exportMbox({ store: back, account: 'ann', file })
    const to = await storeWith()
    await importMbox({ store: to, account: 'ann', file, mailbox: 'Old' })
    expect((await lettersIn(to, 'Old'))[0]?.octets).toBe(line)
  })

  it('tells how far it is', async () => {
    const seen: unknown[] = []
    const mbox = `${from}a: b\n\n${from}From x\nc: d\n`
    await read(mbox, { onProgress: progress => seen.push(progress), mailbox: 'Old' }).catch(() => {})
    expect(seen).toEqual([
      { mailbox: 'Old', messages: 1, bytes: 6 },
      { mailbox: 'Old', messages: 2, bytes: 20 },
    ])
  })

  it('ends when it is told to', async () => {
    const ending = new AbortController()
    const store = await storeWith()
    const stream = trickle(`${from}a: b\n\n${from}c: d\n\n${from}e: f\n`, 10)
    const importing = importMbox({
      store,
      account: 'ann',
      stream,
      signal: ending.signal,
      onProgress: ({ messages }) => messages === 2 && ending.abort(),
    })
    await expect(importing).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await lettersIn(store)).toHaveLength(2)
  })

  it('ends where the store cannot go on, and says where in the file that was', async () => {
    const store = createMailStore({ storage: memoryStorage({ maxBytes: 20 }) })
    const stream = trickle(`${from}Subject: a\n\nx\n\n${from}Subject: b\n\nx\n`, 1_000)
    await expect(importMbox({ store, account: 'ann', stream })).rejects.toMatchObject({
      code: 'STORAGE_FULL',
      temporary: true,
      message: expect.stringMatching(/^the stream, line 6: cannot store the message: /),
    })
    expect(await lettersIn(store)).toHaveLength(1)
  })

  it('names a file that cannot be read, and options that are wrong', async () => {
    const store = await storeWith()
    await expect(importMbox({ store, account: 'ann', file: '/nowhere/mbox' })).rejects.toMatchObject({
      code: 'FILE_FAILED',
      message: expect.stringContaining('/nowhere/mbox'),
    })
    const wrong = [
      {},
      { file: 'a', stream: trickle('', 1) },
      { file: 'a', format: 'mbx' },
      { file: 'a', quota: 1 },
    ]
    for (const options of wrong) {
      await expect(importMbox({ store, account: 'ann', ...options } as never)).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        message: expect.stringMatching(/^importMbox: /),
      })
    }
  })
})

describeStorages('exportMbox', () => {
  it('writes what others read', async () => {
    const octets = 'Return-Path: <ben@example.test>\r\nSubject: a\r\n\r\nFrom x\r\n>From y\r\nend'
    const store = await storeWith({
      INBOX: [letter(octets, ['\\Seen', '\\Flagged', 'work', '$Junk']), letter('Subject: b\r\n\r\n')],
    })
    const file = join(await scratchDirectory(), 'mbox')
    const report = await exportMbox({ store, account: 'ann', file })
    expect(await readFile(file, 'latin1')).toBe(`From ben@example.test Thu Jan  1 00:00:00 2026
Status: RO
X-Status: F
X-Keywords: $Junk work
X-Posthorn-Mbox: date=${newYear + 123}; size=${octets.length}; lines=crlf; end=none
Return-Path: <ben@example.test>
Subject: a

>From x
>>From y
end

From MAILER-DAEMON Thu Jan  1 00:00:00 2026
Status: O
X-Posthorn-Mbox: date=${newYear + 123}; size=14; lines=crlf; end=break
Subject: b


`)
    expect(report).toMatchObject({ messages: 2, bytes: octets.length + 14, mailboxes: ['INBOX'] })
  })

  it('refuses a file that is there, and a mailbox that is not', async () => {
    const file = join(await scratchDirectory(), 'mbox')
    await writeFile(file, 'precious')
    const store = await storeWith({ INBOX: [letter('a')] })
    await expect(exportMbox({ store, account: 'ann', file })).rejects.toMatchObject({
      code: 'FILE_FAILED',
      message: expect.stringContaining(file),
    })
    expect(await readFile(file, 'utf8')).toBe('precious')
    const none = exportMbox({ store, account: 'ann', file, mailbox: 'None' })
    await expect(none).rejects.toBeInstanceOf(MailError)
  })

  it('writes pages of a mailbox, and passes over what goes meanwhile', async () => {
    const store = await storeWith({ INBOX: Array.from({ length: 1_203 }, (_, n) => letter(`n: ${n}\r\n`)) })
    const inbox = await store.mailbox('ann')
    let deleted: Promise<unknown> | undefined
    // Takes nothing more until they are gone.
    const stream = new Writable({
      write(_chunk, _encoding, done) {
        deleted ??= inbox.delete([400, 1_200])
        deleted.then(() => done(), done)
      },
    })
    const report = await exportMbox({ store, account: 'ann', stream })
    expect(report).toMatchObject({ messages: 1_201, problemCount: 0 })
  })
})
