import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import { exportMaildir, importMaildir } from '../../src/import/index.js'
import { folderOf, mailboxOf } from '../../src/import/maildir/folder-name.js'
import { decodeModifiedUtf7, encodeModifiedUtf7 } from '../../src/import/maildir/modified-utf7.js'
import { describeStorages } from '../testing-tools/describe-storages.js'
import { letter, lettersIn, newYear, scratchDirectory, storeWith } from './sample-store.js'

/** Writes the files of a Maildir; a name that ends in `/` is a directory. All were changed at new year. */
async function maildir(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await scratchDirectory()
  for (const [name, text] of Object.entries(files)) {
    const path = join(directory, name)
    await mkdir(name.endsWith('/') ? path : join(path, '..'), { recursive: true })
    if (name.endsWith('/')) continue
    await writeFile(path, text, 'latin1')
    await utimes(path, newYear / 1000, newYear / 1000)
  }
  return directory
}

describeStorages('importMaildir', () => {
  it('reads folders, flags, keywords and dates, in the order of delivery', async () => {
    const directory = await maildir({
      'cur/1767225602.M5P1.host,S=10:2,RS': 'a: third\n\n',
      'cur/1767225601.M20P9.host:2,Fab': 'a: second\r\n\r\n',
      'new/1767225601.M3P10.host': 'a: first\n\n',
      'tmp/1767225600.M3P10.host': 'a: half',
      'dovecot-keywords': '0 work\n1 $Forwarded\n25 late\n',
      '.Sent.2024/cur/1.a:2,DTPz': 'a: sent',
      '.Sent.2024/maildirfolder': '',
      '.Entw&APw-rfe/new/': '',
      '.Entw&APw-rfe/cur/': '',
    })
    const store = await storeWith()
    const report = await importMaildir({ store, account: 'ann', directory })
    expect(await lettersIn(store)).toEqual([
      { octets: 'a: first\r\n\r\n', flags: [], date: newYear },
      { octets: 'a: second\r\n\r\n', flags: ['$Forwarded', '\\Flagged', 'work'], date: newYear },
      { octets: 'a: third\r\n\r\n', flags: ['\\Answered', '\\Seen'], date: newYear },
    ])
    expect(await lettersIn(store, 'Sent/2024')).toEqual([
      { octets: 'a: sent', flags: ['$Forwarded', '\\Deleted', '\\Draft'], date: newYear },
    ])
    expect(report).toMatchObject({ messages: 4, mailboxes: ['INBOX', 'Entwürfe', 'Sent/2024'], problems: [] })
  })

  it('keeps the octets of files when told to', async () => {
    const directory = await maildir({ 'cur/1.a': 'a: b\n\r\nx' })
    const store = await storeWith()
    await importMaildir({ store, account: 'ann', directory, lineBreaks: 'keep' })
    expect((await lettersIn(store))[0]?.octets).toBe('a: b\n\r\nx')
  })

  it('reports what it cannot read, and reads the rest', async () => {
    const directory = await maildir({
      'cur/1.a:2,': 'a: one\n',
      'cur/2.a/': '',
      'Archive/cur/1.a': 'a: other\n',
      '.bad\\0aname/cur/1.a': 'a: lost\n',
      '.Good/cur/1.a:2,X': 'a: two\n',
    })
    await symlink('/etc/passwd', join(directory, 'cur/3.a'))
    const store = await storeWith()
    const told: string[] = []
    const report = await importMaildir({
      store,
      account: 'ann',
      directory,
      onProblem: ({ message }) => told.push(message),
    })
    expect(report.messages).toBe(2)
    expect(report.problems.map(problem => problem.message)).toEqual(told)
    expect(told.map(message => message.replace(`${directory}/`, '')).sort()).toEqual([
      expect.stringMatching(/^\.bad\\0aname: mailbox name: .*control character/),
      'Archive: a folder of another layout than Maildir++: left out',
      'cur/2.a: not a file: left out',
      'cur/3.a: not a file: left out',
    ])
  })

  it('reports a file that goes while it is at work', async () => {
    const directory = await maildir({ 'cur/1.a': 'a: one\n', 'cur/2.a': 'a: two\n', 'cur/3.a': 'a: three\n' })
    const store = await storeWith()
    const { unlinkSync } = await import('node:fs')
    const report = await importMaildir({
      store,
      account: 'ann',
      directory,
      onProgress: ({ messages }) => {
        if (messages === 1) unlinkSync(join(directory, 'cur/2.a'))
      },
    })
    expect(report.messages).toBe(2)
    expect(report.problems).toMatchObject([{ file: join(directory, 'cur/2.a'), mailbox: 'INBOX' }])
    expect(report.problems[0]?.message).toMatch(/cur\/2\.a: ENOENT/)
  })

  it('refuses what is no Maildir', async () => {
    const store = await storeWith()
    for (const directory of ['/nowhere', await scratchDirectory()]) {
      await expect(importMaildir({ store, account: 'ann', directory })).rejects.toMatchObject({
        code: 'FILE_FAILED',
        message: expect.stringContaining(directory),
      })
    }
  })
})

describeStorages('exportMaildir', () => {
  it('writes what Dovecot reads', async () => {
    const directory = join(await scratchDirectory(), 'mail/ann')
    const store = await storeWith({
      INBOX: [letter('a: b\r\n\r\nx\r\n', ['\\Seen', '$Forwarded', 'work']), letter('a\nb')],
      'Sent/2024': [],
      Entwürfe: [letter('', ['\\Draft', 'play', 'work'])],
    })
    const report = await exportMaildir({ store, account: 'ann', directory, clock: createVirtualClock() })
    expect(report).toMatchObject({
      messages: 3,
      mailboxes: ['INBOX', 'Entwürfe', 'Sent', 'Sent/2024'],
      problemCount: 0,
    })
    const names = (await readdir(directory, { recursive: true }))
      .sort()
      .map(name => name.replace(/_\w{16}/, ''))
    expect(names.filter(name => !/(cur|new|tmp)$/.test(name))).toEqual([
      '.Entw&APw-rfe',
      '.Entw&APw-rfe/cur/1767225600.Q0000000002.posthorn,S=0,W=0:2,Dab',
      '.Entw&APw-rfe/dovecot-keywords',
      '.Entw&APw-rfe/maildirfolder',
      '.Sent',
      '.Sent.2024',
      '.Sent.2024/maildirfolder',
      '.Sent/maildirfolder',
      'cur/1767225600.Q0000000000.posthorn,S=8,W=11:2,PSa',
      'cur/1767225600.Q0000000001.posthorn-exact,S=3,W=3:2,',
      'dovecot-keywords',
    ])
    expect(await readFile(join(directory, '.Entw&APw-rfe/dovecot-keywords'), 'utf8')).toBe('0 play\n1 work\n')
    const [first = ''] = (await readdir(join(directory, 'cur'))).sort()
    expect(await readFile(join(directory, 'cur', first), 'utf8')).toBe('a: b\n\nx\n')
    const { mtimeMs, mode } = await stat(join(directory, 'cur', first))
    expect([Math.round(mtimeMs), mode & 0o777]).toEqual([newYear + 123, 0o600])
  })

  it('writes the mailboxes it is asked for only', async () => {
    const directory = join(await scratchDirectory(), 'mail')
    const store = await storeWith({ INBOX: [letter('a')], Sent: [letter('b')], Trash: [letter('c')] })
    const options = { store, account: 'ann', directory, mailboxes: ['Sent'] }
    expect(await exportMaildir(options)).toMatchObject({ messages: 1, mailboxes: ['Sent'] })
    await expect(
      exportMaildir({ ...options, directory: `${directory}2`, mailboxes: ['None'] }),
    ).rejects.toMatchObject({
      code: 'NO_SUCH_MAILBOX',
    })
  })

  it('reports what a Maildir has no room for', async () => {
    const directory = join(await scratchDirectory(), 'mail')
    const keywords = Array.from({ length: 28 }, (_, index) => `k${String(index).padStart(2, '0')}`)
    const long = Array.from({ length: 4 }, () => 'x'.repeat(100)).join('/')
    const store = await storeWith({
      INBOX: [letter('a', keywords), letter('b', keywords)],
      [long]: [letter('c')],
    })
    const report = await exportMaildir({ store, account: 'ann', directory })
    expect(report.messages).toBe(2)
    expect(report.problems.map(problem => problem.message)).toEqual([
      'mailbox "INBOX": the keyword k26 is left out, as a folder has letters for 26',
      'mailbox "INBOX": the keyword k27 is left out, as a folder has letters for 26',
      expect.stringMatching(/^mailbox "x+\/x+\/x+" is left out: cannot make .* ENAMETOOLONG/),
      expect.stringMatching(/^mailbox "x+\/x+\/x+\/x+" is left out: cannot make .* ENAMETOOLONG/),
    ])
  })

  it('refuses a directory that is not empty, and leaves it as it is', async () => {
    const directory = await maildir({ 'notes.txt': 'precious' })
    const store = await storeWith({ INBOX: [letter('a')] })
    await expect(exportMaildir({ store, account: 'ann', directory })).rejects.toMatchObject({
      code: 'FILE_FAILED',
      message: `cannot export to ${directory}: it is not empty`,
    })
    expect(await readdir(directory)).toEqual(['notes.txt'])
  })
})

describe('names of folders', () => {
  it('are those of Maildir++ and Dovecot', () => {
    expect(folderOf('INBOX', 'utf-7')).toBe('')
    expect(folderOf('INBOX/Old', 'utf-7')).toBe('.INBOX.Old')
    expect(folderOf('Sent/v1.2', 'utf-7')).toBe('.Sent.v1\\2e2')
    expect(folderOf('R&D', 'utf-7')).toBe('.R&-D')
    expect(folderOf('台北', 'utf-8')).toBe('.台北')
    expect(mailboxOf('.Sent.2024')).toBe('Sent/2024')
    expect(mailboxOf('.R&D.é')).toBe('R&D/é')
  })

  it('are written in the modified UTF-7 of RFC 3501 §5.1.3', () => {
    expect(encodeModifiedUtf7('~peter/mail/台北/日本語')).toBe('~peter/mail/&U,BTFw-/&ZeVnLIqe-')
    expect(decodeModifiedUtf7('~peter/mail/&U,BTFw-/&ZeVnLIqe-')).toBe('~peter/mail/台北/日本語')
    for (const wrong of ['&', '&A-', '&AGE-', '&U,BTFw', 'é', '&U,BTFw-&ZeVnLIqe-']) {
      expect(decodeModifiedUtf7(wrong), wrong).toBeUndefined()
    }
  })
})
