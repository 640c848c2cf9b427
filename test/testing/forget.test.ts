import { createTransport } from 'nodemailer'
import { expect, it } from 'vitest'
import type { Accounts } from '../../src/index.js'
import { createTestMail } from '../../src/testing/index.js'
import { send } from './send.js'

it('a message that is forgotten is gone from its mailboxes, and others stay', async () => {
  await using mail = await createTestMail()
  for (const subject of ['One', 'Two']) await send(mail, { to: ['a@x.test', 'b@x.test'], subject })
  const one = await mail.waitForMessage({ subject: 'One' })
  await mail.forget(one)
  await mail.forget(one)
  expect((await mail.messages()).map(({ number, subject }) => [number, subject])).toEqual([[2, 'Two']])
  for (const account of ['a@x.test', 'b@x.test']) {
    const mailbox = await mail.server.store.mailbox(account)
    expect((await mailbox.list()).map(({ uid }) => uid)).toEqual([2])
  }
})

it('the oldest is forgotten for one too many, though its mailbox may be gone', async () => {
  const users: Accounts = {
    authenticate: async () => undefined,
    find: async () => ({ account: 'a', mailbox: 'Work' }),
  }
  await using mail = await createTestMail({ users, maxMessages: 1 })
  const { auth: _, ...settings } = mail.smtp.settings
  const transport = createTransport(settings)
  const sendAs = (subject: string) =>
    transport.sendMail({ from: 'shop@app.test', to: 'a@x.test', subject, text: 'x' })
  await sendAs('One')
  await mail.server.store.deleteMailbox('a', 'Work')
  for (const subject of ['Two', 'Three']) await sendAs(subject)
  transport.close()
  expect((await mail.messages()).map(({ subject }) => subject)).toEqual(['Three'])
  const work = await mail.server.store.mailbox('a', 'Work')
  expect((await work.status()).messages).toBe(1)
})
