import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { exportMaildir, exportMbox, importMaildir, importMbox } from '../../src/import/index.js'
import { letter, lettersIn, newYear, scratchDirectory, storeWith } from '../import/sample-store.js'
import { describeWith, python } from '../testing-tools/tools.js'

const run = promisify(execFile)

/** Runs a script of Debian's python with its mailbox module; gives what it printed as JSON. */
async function pythonMailbox(script: string, ...args: string[]): Promise<unknown> {
  const { stdout } = await run('/usr/bin/python3', ['-c', `import json, mailbox, sys\n${script}`, ...args])
  return stdout === '' ? undefined : JSON.parse(stdout)
}

const letters = [
  letter('Return-Path: <ben@example.test>\r\nSubject: a\r\n\r\nFrom x\r\nhello\r\n', ['\\Flagged', '\\Seen']),
  letter('Subject: b\r\n\r\nno break at the end', ['\\Answered', '\\Deleted']),
]

describeWith([python], 'python3 reads what was exported', () => {
  it('as mbox', async () => {
    const file = join(await scratchDirectory(), 'mbox')
    await exportMbox({ store: await storeWith({ INBOX: letters }), account: 'ann', file })
    const script = `
print(json.dumps([[m.get_from(), m.get_flags(), m['Subject'], m.get_payload()] for m in mailbox.mbox(sys.argv[1])]))`
    expect(await pythonMailbox(script, file)).toEqual([
      ['ben@example.test Thu Jan  1 00:00:00 2026', 'ROF', 'a', '>From x\nhello\n'],
      ['MAILER-DAEMON Thu Jan  1 00:00:00 2026', 'OAD', 'b', 'no break at the end\n'],
    ])
  })

  it('as Maildir', async () => {
    const directory = join(await scratchDirectory(), 'mail')
    const store = await storeWith({ INBOX: letters, 'Sent/2024': letters.slice(0, 1) })
    await exportMaildir({ store, account: 'ann', directory })
    const script = `
box = mailbox.Maildir(sys.argv[1])
read = lambda box: [[m.get_subdir(), m.get_flags(), m.get_date(), m['Subject'], m.get_payload()] for _, m in sorted(box.items())]
print(json.dumps([sorted(box.list_folders()), read(box), read(box.get_folder('Sent.2024'))]))`
    const date = newYear / 1000 + 0.123
    const [folders, inbox, sent] = (await pythonMailbox(script, directory)) as unknown[][]
    expect(folders).toEqual(['Sent', 'Sent.2024'])
    expect(inbox).toEqual([
      ['cur', 'FS', expect.closeTo(date, 2), 'a', 'From x\nhello\n'],
      ['cur', 'RT', expect.closeTo(date, 2), 'b', 'no break at the end'],
    ])
    expect(sent).toHaveLength(1)
  })
})

describeWith([python], 'what python3 wrote is imported', () => {
  const add = `
def message(kind, flags, text):
    m = kind(text)
    m.set_flags(flags)
    return m
`

  it('from mbox', async () => {
    const file = join(await scratchDirectory(), 'mbox')
    const script = `${add}
box = mailbox.mbox(sys.argv[1])
m = message(mailbox.mboxMessage, 'ROF', b'Subject: a\\n\\nFrom here\\nhello\\n')
m.set_from('ben@example.test', (2026, 1, 1, 0, 0, 5, 3, 1, 0))
box.add(m)
box.add(message(mailbox.mboxMessage, 'AT', b'Subject: b\\n\\nno break'))
box.flush()`
    await pythonMailbox(script, file)
    const store = await storeWith()
    const report = await importMbox({ store, account: 'ann', file, format: 'mboxo' })
    expect(report.problems).toEqual([])
    expect(await lettersIn(store)).toEqual([
      {
        octets: 'Subject: a\r\n\r\nFrom here\r\nhello\r\n',
        flags: ['\\Flagged', '\\Seen'],
        date: newYear + 5_000,
      },
      {
        octets: expect.stringMatching(/^Subject: b\r\n\r\nno break(\r\n)?$/),
        flags: ['\\Answered', '\\Draft'],
        date: expect.any(Number),
      },
    ])
  })

  it('from Maildir', async () => {
    const directory = join(await scratchDirectory(), 'mail')
    await mkdir(directory)
    const script = `${add}
box = mailbox.Maildir(sys.argv[1] + '/box')
m = message(mailbox.MaildirMessage, 'FS', b'Subject: a\\n\\nhello\\n')
m.set_subdir('cur')
m.set_date(${newYear / 1000})
box.add(m)
box.add(b'Subject: b\\n\\nnew\\n')
box.add_folder('Sent.2024').add(message(mailbox.MaildirMessage, 'P', b'Subject: c\\n\\n'))`
    await pythonMailbox(script, directory)
    const store = await storeWith()
    const report = await importMaildir({ store, account: 'ann', directory: join(directory, 'box') })
    expect(report).toMatchObject({ messages: 3, mailboxes: ['INBOX', 'Sent/2024'], problemCount: 0 })
    const inbox = await lettersIn(store)
    expect(inbox.map(each => each.octets).sort()).toEqual([
      'Subject: a\r\n\r\nhello\r\n',
      'Subject: b\r\n\r\nnew\r\n',
    ])
    expect(inbox.find(each => each.flags.length > 0)).toMatchObject({
      flags: ['\\Flagged', '\\Seen'],
      date: newYear,
    })
    expect(await lettersIn(store, 'Sent/2024')).toMatchObject([{ flags: ['$Forwarded'] }])
  })
})
