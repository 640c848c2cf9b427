import { describe, expect, it } from 'vitest'
import { createAccounts } from '../../src/accounts/static/create-accounts.js'
import type { Conversation } from './conversation.js'
import { startHost } from './mail-host.js'

/** Dora has room for two messages, carol for 1,000 octets; `both` are carol and alice. */
const accounts = createAccounts({
  users: [
    { name: 'alice', password: 'secret', addresses: ['alice@example.test'] },
    { name: 'carol', password: 'tiny', addresses: ['carol@example.test'], quota: { bytes: 1_000 } },
    { name: 'dora', password: 'few', addresses: ['dora@example.test'], quota: { messages: 2 } },
  ],
  aliases: { 'both@example.test': ['carol@example.test', 'alice@example.test'] },
})

const letter = (size: number) => `${'x'.repeat(size - 2)}\r\n`

async function hand(client: Conversation, recipients: readonly string[], size = 300): Promise<void> {
  await client.ask('MAIL FROM:<a@b.test>', '250')
  for (const recipient of recipients) await client.ask(`RCPT TO:<${recipient}@example.test>`, '250')
  await client.ask('DATA', '354')
  client.write(`${letter(size)}.\r\n`)
}

describe('quotas in LMTP', () => {
  it('answers each recipient for itself when mailboxes filled up since RCPT', async () => {
    const host = await startHost({ accounts }, { kind: 'lmtp' })
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test>', '250')
    for (const name of ['carol', 'alice', 'dora']) await client.ask(`RCPT TO:<${name}@example.test>`, '250')
    await host.store.append('carol', letter(900))
    for (let index = 0; index < 2; index++) await host.store.append('dora', letter(10))
    await client.ask('DATA', '354')
    client.write(`${letter(300)}.\r\n`)
    await client.expect('452 4.2.2')
    await client.expect('250 2.0.0')
    await client.expect('452 4.2.2')
    await client.ask('NOOP', '250')
    expect(await host.store.usage('alice')).toMatchObject({ messages: 1 })
    expect(await host.store.usage('carol')).toMatchObject({ messages: 1 })
    expect(await host.store.usage('dora')).toMatchObject({ messages: 2 })
  })

  it('tells for now from for ever, for each recipient', async () => {
    const host = await startHost({ accounts }, { kind: 'lmtp' })
    await host.store.append('carol', letter(200))
    await host.store.append('dora', letter(200))
    const client = await host.hello()
    await hand(client, ['carol', 'dora'], 1_500)
    await client.expect('552 5.2.2')
    await client.expect('250 2.0.0')
    await hand(client, ['carol', 'alice'], 900)
    await client.expect('452 4.2.2')
    await client.expect('250 2.0.0')
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<dora@example.test>', '452 4.2.2')
  })

  it('refuses for all of them what none has room for, and stores nothing', async () => {
    const host = await startHost({ accounts }, { kind: 'lmtp' })
    const client = await host.hello()
    await hand(client, ['carol', 'both'], 1_500)
    await client.expect('552 5.2.2')
    await client.expect('552 5.2.2')
    await client.ask('NOOP', '250')
    expect(host.batches).toEqual([])
    expect(host.told('message:rejected')).toHaveLength(1)
  })
})

describe('quotas in SMTP', () => {
  it('counts messages as well as octets', async () => {
    const host = await startHost({ accounts })
    const client = await host.hello()
    for (let index = 0; index < 2; index++) {
      await hand(client, ['dora'])
      await client.expect('250 2.0.0')
    }
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<dora@example.test>', '452 4.2.2')
    await client.ask('RCPT TO:<alice@example.test>', '250')
  })

  it('takes for all what one of them has room for, as one reply speaks for all', async () => {
    const host = await startHost({ accounts })
    const client = await host.hello()
    await hand(client, ['carol', 'alice'], 1_500)
    await client.expect('250 2.0.0')
    expect(await host.store.usage('carol')).toMatchObject({ messages: 1 })
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<carol@example.test>', '452 4.2.2')
    await client.ask('RCPT TO:<both@example.test>', '452 4.2.2')
  })

  it('takes mail again when room came', async () => {
    const host = await startHost({ accounts })
    const client = await host.hello()
    await host.store.append('carol', letter(900))
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<carol@example.test>', '250')
    await client.ask('RSET', '250')
    await client.ask('MAIL FROM:<a@b.test> SIZE=300', '250')
    await client.ask('RCPT TO:<carol@example.test>', '452 4.2.2')
    await (await host.store.mailbox('carol')).delete(1)
    await client.ask('RCPT TO:<carol@example.test>', '250')
  })
})
