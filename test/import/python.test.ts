import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { exportMaildir, exportMbox, importMaildir, importMbox } from '../../src/import/index.js'
import { describeWith, python } from '../testing-tools/tools.js'
import { letter, lettersIn, newYear, scratchDirectory, storeWith } from './sample-store.js'

/** Runs lines of Python with `path` and what the module `mailbox` has; gives what they print as JSON. */
async function runPython(path: string, ...lines: string[]) {
  const program = ['import json, sys', 'from mailbox import *', 'path = sys.argv[1]', ...lines].join('\n')
  const { stdout } = await promisify(execFile)('/usr/bin/python3', ['-c', program, path])
  return stdout === '' ? undefined : JSON.parse(stdout)
}

const text = 'Subject: a\n\nFrom the start\n>From a quote\n'
const octets = text.replaceAll('\n', '\r\n')

describeWith([python], "the mailboxes of Python's module mailbox", () => {
  it('are read where they are Maildirs, with flags, dates and folders', async () => {
    const directory = join(await scratchDirectory(), 'Maildir')
    await runPython(
      directory,
      `message = MaildirMessage(${JSON.stringify(text)})`,
      `message.set_date(${newYear / 1_000})`,
      `message.set_subdir('cur')`,
      `message.set_flags('FRS')`,
      'box = Maildir(path)',
      'box.add(message)',
      `box.add(${JSON.stringify(text)})`,
      `message.set_flags('DPT')`,
      `box.add_folder('Work.2026').add(message)`,
    )
    const store = await storeWith()
    const report = await importMaildir({ store, account: 'ann', directory })
    expect(report).toMatchObject({ messages: 3, problemCount: 0 })
    const inbox = await lettersIn(store)
    expect(inbox.map(found => found.octets)).toEqual([octets, octets])
    expect(inbox).toContainEqual({ octets, flags: ['\\Answered', '\\Flagged', '\\Seen'], date: newYear })
    expect(inbox).toContainEqual(expect.objectContaining({ flags: [] }))
    expect(await lettersIn(store, 'Work/2026')).toEqual([
      { octets, flags: ['$Forwarded', '\\Deleted', '\\Draft'], date: newYear },
    ])
  })

  it('are read where they are an mbox, which it writes as mboxo', async () => {
    const file = join(await scratchDirectory(), 'mbox')
    await runPython(
      file,
      `message = mboxMessage(${JSON.stringify(text)})`,
      `message.set_from('ben@example.test', __import__('time').gmtime(${newYear / 1_000}))`,
      `message.set_flags('ROAF')`,
      'box = mbox(path)',
      'box.add(message)',
      'box.add(message)',
      'box.flush()',
    )
    const store = await storeWith()
    const report = await importMbox({ store, account: 'ann', file, format: 'mboxo' })
    expect(report).toMatchObject({ messages: 2, problemCount: 0 })
    const flags = ['\\Answered', '\\Flagged', '\\Seen']
    // What was quoted and what was a quotation cannot be told apart in mboxo.
    const unquoted = octets.replace('>From a', 'From a')
    expect(await lettersIn(store)).toEqual(Array(2).fill({ octets: unquoted, flags, date: newYear }))
  })

  it('have what is exported, flags and folders too', async () => {
    const directory = join(await scratchDirectory(), 'Maildir')
    const seen = letter(octets, ['\\Flagged', '\\Seen'], newYear)
    const store = await storeWith({ INBOX: [letter(octets)], 'Work/2026': [seen] })
    await exportMaildir({ store, account: 'ann', directory })
    const described = await runPython(
      directory,
      'box = Maildir(path, create=False)',
      `tell = lambda box: [[m.get_flags(), m.get_subdir(), m.get_date(), m['Subject']] for m in box]`,
      `print(json.dumps({'folders': box.list_folders(), 'inbox': tell(box), 'work': tell(box.get_folder('Work.2026'))}))`,
    )
    expect(described).toMatchObject({
      folders: expect.arrayContaining(['Work.2026']),
      inbox: [['', expect.any(String), expect.any(Number), 'a']],
      work: [['FS', 'cur', newYear / 1_000, 'a']],
    })
  })

  it('have the messages of an mbox that is exported', async () => {
    const file = join(await scratchDirectory(), 'mbox')
    const store = await storeWith({ INBOX: [letter(octets, ['\\Seen', '\\Answered']), letter(octets)] })
    await exportMbox({ store, account: 'ann', file })
    const program = `print(json.dumps([[m.get_flags(), m.get_payload()] for m in mbox(path, create=False)]))`
    // Quoted once more, as mboxrd has it.
    const payload = 'From the start\n>From a quote\n'.replace(/^(?=>*From )/gm, '>')
    expect(await runPython(file, program)).toEqual([
      [expect.stringMatching(/^[ROA]{3}$/), payload],
      [expect.stringMatching(/^O?$/), payload],
    ])
  })
})
