import { describe, expect, it } from 'vitest'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { createScriptedServer, createTestMail } from '../../src/testing/index.js'
import { Conversation } from '../smtp-server/conversation.js'
import { send } from './send.js'

/** Something that happens once, and can be waited for. */
function signal() {
  let give = () => {}
  const given = new Promise<void>(resolve => {
    give = resolve
  })
  return { give, given }
}

async function manyTurns(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await new Promise(resolve => setImmediate(resolve))
}

describe('a test mail that is reset', () => {
  it('takes nothing into a test of what the one before it was sending', async () => {
    await using mail = await createTestMail()
    const sending = send(mail, { to: 'a@x.test', subject: 'Late' })
    await mail.reset()
    await sending
    await mail.idle()
    expect(await mail.messages()).toEqual([])

    const client = await Conversation.open(mail.smtp.port)
    await client.expect('220')
    await client.ask('EHLO client.test', '250')
    const transaction = async (subject: string, between = async () => {}) => {
      await client.ask('MAIL FROM:<a@app.test>', '250')
      await client.ask('RCPT TO:<b@x.test>', '250')
      await client.ask('DATA', '354')
      await between()
      await client.ask(`Subject: ${subject}\r\n\r\nx\r\n.`, '250')
    }
    await transaction('Old', () => mail.reset())
    await mail.idle()
    expect(await mail.messages()).toEqual([])
    expect((await (await mail.server.store.mailbox('b@x.test')).status()).messages).toBe(0)
    await transaction('New')
    expect((await mail.messages()).map(({ subject }) => subject)).toEqual(['New'])
    client.destroy()
  })

  it('keeps nothing of what is being stored meanwhile, however long that takes', async () => {
    const storage = memoryStorage()
    const [asked, storing] = [signal(), signal()]
    const accept = storage.accept.bind(storage)
    storage.accept = async batch => {
      asked.give()
      await storing.given
      return accept(batch)
    }
    await using mail = await createTestMail({ server: { storage } })
    const sending = send(mail, { to: 'a@x.test', subject: 'Old' })
    await asked.given
    const reset = mail.reset()
    await manyTurns()
    storing.give()
    await Promise.all([reset, sending])
    expect(await mail.messages()).toEqual([])
    expect((await (await mail.server.store.mailbox('a@x.test')).status()).messages).toBe(0)
  })

  it('keeps no bounce of a delivery that ends meanwhile', async () => {
    const storage = memoryStorage()
    await using mail = await createTestMail({ domains: ['app.test'], server: { storage } })
    const remote = createScriptedServer()
    mail.route('slow.test', await remote.listen())
    const [asked, refusal] = [signal(), signal()]
    remote.on.rcpt().run(async peer => {
      asked.give()
      await refusal.given
      peer.say(['550 5.1.1 Nobody'])
    })
    await send(mail, { to: ['a@app.test', 'b@slow.test'] })
    await asked.given
    const list = storage.mail.list.bind(storage.mail)
    storage.mail.list = async (...query) => {
      refusal.give()
      await manyTurns()
      return list(...query)
    }
    await mail.reset()
    await mail.server.queue.idle()
    expect(await mail.messages()).toEqual([])
    expect(await storage.mail.accounts()).toEqual([])
    await remote.close()
  })
})
