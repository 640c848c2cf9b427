import type { Mailbox, MailError, MailStore } from '../../src/index.js'
import type { MailProcessReport } from './host.js'
import { keyOf, type Mail, readBytes, readMail } from './letter.js'

type Tell = (report: MailProcessReport) => void

/**
 * Works on letters as they come, as their readers would: alice keeps hers, bob files them in mailboxes that he renames
 * and deletes, carol moves them to another one, dave expunges every other. Bounces are left where they came.
 */
export async function keepTidy(store: MailStore, tell: Tell, worked: () => Promise<void>): Promise<void> {
  for await (const change of store.changes()) {
    if (change.kind !== 'added' || change.mailbox !== 'INBOX') continue
    const { account, message } = change
    await unlessGone(async () => {
      const inbox = await store.mailbox(account)
      const { name, returns } = await identify(inbox, message.uid)
      tell({ seen: { mailbox: inbox.id, uid: message.uid, name } })
      if (account === 'carol') await moveToArchive(store, inbox)
      else if (returns) return
      else if (account === 'bob') await fileAway(store, inbox, message.uid, tell)
      else if (account === 'dave' && message.uid % 2 === 0) await remove(inbox, message.uid, name, tell)
      else await inbox.addFlags(message.uid, ['\\Seen'])
    })
    await unlessGone(worked)
  }
}

async function identify(mailbox: Mailbox, uid: number): Promise<Mail> {
  return readMail(await readBytes(await mailbox.open(uid)))
}

async function moveToArchive(store: MailStore, inbox: Mailbox): Promise<void> {
  await unlessGone(() => store.createMailbox('carol', 'Archive'))
  const messages = await inbox.list({ limit: 5 })
  await inbox.move(
    messages.map(({ uid }) => uid),
    'Archive',
  )
}

async function fileAway(store: MailStore, inbox: Mailbox, uid: number, tell: Tell): Promise<void> {
  const steps = [
    () => store.createMailbox('bob', 'Work/New'),
    () => inbox.move(uid, 'Work/New'),
    () => store.renameMailbox('bob', 'Work', 'Done'),
    () => deleteMailbox(store, 'Done/New', tell).then(() => store.deleteMailbox('bob', 'Done')),
  ]
  await steps[uid % steps.length]?.()
}

async function deleteMailbox(store: MailStore, name: string, tell: Tell): Promise<void> {
  const mailbox = await store.mailbox('bob', name)
  for (const { uid } of await mailbox.list()) {
    tell({ removing: keyOf((await identify(mailbox, uid)).name, 'bob@example.test') })
  }
  await store.deleteMailbox('bob', name)
}

async function remove(inbox: Mailbox, uid: number, name: string, tell: Tell): Promise<void> {
  tell({ removing: keyOf(name, `${inbox.account}@example.test`) })
  await inbox.delete(uid)
}

/** What others did first, or a process that died half-way, is no failure. */
async function unlessGone(act: () => Promise<unknown>): Promise<void> {
  try {
    await act()
  } catch (thrown) {
    const expected = ['MAILBOX_EXISTS', 'NO_SUCH_MAILBOX', 'NO_SUCH_MESSAGE', 'NO_SUCH_ENTRY']
    if (!expected.includes((thrown as MailError).code)) throw thrown
  }
}
