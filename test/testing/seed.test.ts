import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readAll } from '../../src/message/sources.js'
import { createTestMail, type TestMail } from '../../src/testing/index.js'
import { temporaryDirectory } from '../testing-tools/temporary-directory.js'

const alice = 'alice@app.test'

/** Flags, octets and dates of a mailbox. */
async function contentOf(mail: TestMail, account: string, name = 'INBOX') {
  const mailbox = await mail.server.store.mailbox(account, name)
  const records = await mailbox.list()
  return Promise.all(
    records.map(async record => ({
      flags: record.flags,
      bytes: (await readAll(await mailbox.open(record))).toString('latin1'),
      at: record.internalDate,
    })),
  )
}

function maildir() {
  const path = temporaryDirectory()
  const files = { 'cur/1:2,S': 'read', 'new/2': 'new', '.Sent/cur/3:2,R': 'sent' }
  for (const name of ['cur', 'new', 'tmp', '.Sent/cur', '.Sent/new', '.Sent/tmp'])
    mkdirSync(join(path, name), { recursive: true })
  for (const [name, subject] of Object.entries(files)) {
    writeFileSync(join(path, name), `Subject: ${subject}\n\nHello\n`)
    utimesSync(join(path, name), 1_700_000_000, 1_700_000_000)
  }
  return path
}

const mbox = `From x@x.test Thu Jan  1 10:00:00 2026
Subject: one
Status: RO

>From the beginning
>>From twice

From y@x.test Fri Jan  2 11:30:00 2026
Subject: two

Hello
`

describe('a Maildir to begin with', () => {
  it('comes with folders, flags, dates and lines that end as in mail', async () => {
    await using mail = await createTestMail()
    expect(await mail.seed(maildir(), { to: alice })).toBe(3)
    const at = 1_700_000_000_000
    const inbox = await contentOf(mail, alice)
    expect(inbox.toSorted((a, b) => a.bytes.localeCompare(b.bytes))).toEqual([
      { flags: [], bytes: 'Subject: new\r\n\r\nHello\r\n', at },
      { flags: ['\\Seen'], bytes: 'Subject: read\r\n\r\nHello\r\n', at },
    ])
    expect(await contentOf(mail, alice, 'Sent')).toEqual([
      { flags: ['\\Answered'], bytes: 'Subject: sent\r\n\r\nHello\r\n', at },
    ])
    expect(await mail.messages()).toEqual([])
  })

  it("may be a tenant's, and has to be somebody's", async () => {
    await using mail = await createTestMail({ domains: ['app.test'] })
    const tenant = mail.tenant()
    const path = maildir()
    expect(await mail.seed(path, { to: tenant.address('bob') })).toBe(3)
    expect(await contentOf(mail, tenant.address('bob'))).toHaveLength(2)
    await expect(mail.seed(path)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    await expect(mail.seed(path, { to: 'nobody' })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    await expect(mail.seed(join(path, 'absent'), { to: alice })).rejects.toMatchObject({
      code: 'FILE_FAILED',
    })
  })
})

describe('an mbox to begin with', () => {
  it('comes message by message, with flags and dates, quoting undone', async () => {
    await using mail = await createTestMail()
    const file = join(temporaryDirectory(), 'old.mbox')
    writeFileSync(file, mbox)
    expect(await mail.seed(file, { to: alice })).toBe(2)
    expect(await contentOf(mail, alice)).toEqual([
      {
        flags: ['\\Seen'],
        bytes: 'Subject: one\r\n\r\nFrom the beginning\r\n>From twice\r\n',
        at: Date.UTC(2026, 0, 1, 10),
      },
      { flags: [], bytes: 'Subject: two\r\n\r\nHello\r\n', at: Date.UTC(2026, 0, 2, 11, 30) },
    ])
  })
})

describe('messages to begin with', () => {
  it('lie where they are told to, and with all whom they name', async () => {
    await using mail = await createTestMail()
    const raw = `To: ${alice}\nCc: Bob <bob@app.test>\nSubject: Grüße\n\n.\n`
    expect(await mail.seed([{ raw, mailbox: 'Archive', flags: ['\\Flagged'] }])).toBe(1)
    const bytes = Buffer.from(raw.replaceAll('\n', '\r\n')).toString('latin1')
    for (const owner of [alice, 'bob@app.test']) {
      expect(await contentOf(mail, owner, 'Archive')).toMatchObject([{ flags: ['\\Flagged'], bytes }])
    }
    await expect(mail.seed([{ raw: 'Subject: to nobody\n\n' }])).rejects.toMatchObject({
      code: 'OPTION_INVALID',
    })
  })
})
