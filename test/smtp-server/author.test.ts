import { describe, expect, it } from 'vitest'
import type { Accounts } from '../../src/accounts/accounts.js'
import type { SmtpServerOptions } from '../../src/smtp-server/options.js'
import { plain, startHost, testAccounts } from './mail-host.js'

/** What a user hears who hands in a message with some header fields. */
async function handIn(fields: string, options: Partial<SmtpServerOptions> = {}, login = true) {
  const host = await startHost({ allowInsecureAuth: true, ...options })
  const client = await host.hello()
  if (login) await client.ask(`AUTH PLAIN ${plain('alice', 'secret')}`, '235')
  await client.ask('MAIL FROM:<alice@example.test>', '250')
  await client.ask('RCPT TO:<bob@example.test>', '250')
  await client.ask('DATA', '354')
  const reply = await client.ask(`${fields}Subject: Hello\r\n\r\nHello\r\n.`, /^\d/)
  await client.ask('NOOP', '250')
  return { reply, stored: host.batches.length, told: host.told('handler:failed') }
}

const notYours = expect.stringMatching(/^550 5\.7\.1 /)
const taken = expect.stringMatching(/^250 /)

describe('the author of what a user hands in', () => {
  it.each([
    ['the user', 'From: Alice <ALICE@Example.Test>\r\n'],
    ['the user, with a detail', 'From: alice+news@example.test\r\n'],
    [
      'the user, with a name that looks like another',
      'From: "bob@example.test, Bob" <alice@example.test>\r\n',
    ],
    ['the user twice', 'From: alice@example.test,\r\n "al ice@home"@example.test\r\n'],
    ['nobody', ''],
  ])('may be %s', async (_, fields) => {
    expect(await handIn(fields)).toMatchObject({ reply: taken, stored: 1 })
  })

  it.each([
    ['another user', 'From: Bob <bob@example.test>\r\n'],
    ['somebody elsewhere', 'From: boss@bank.test\r\n'],
    ['the user and another', 'From: alice@example.test, bob@example.test\r\n'],
    ['another behind a comment', 'From: (alice@example.test) bob@example.test\r\n'],
    ['in two fields', 'From: alice@example.test\r\nFrom: bob@example.test\r\n'],
    ['no address', 'From: Bob\r\n'],
    ['in a field with a blank before its colon', 'From : bob@example.test\r\n'],
    ['in a folded field', 'From: Alice\r\n <bob@example.test>\r\n'],
    ['before a comment without an end', 'From: alice@example.test (bob\r\n'],
    ['in two angle brackets', 'From: <alice@example.test> <bob@example.test>\r\n'],
    ['longer than anybody is called', `From: ${'x'.repeat(11_000)} <alice@example.test>\r\n`],
  ])('must not be %s', async (_, fields) => {
    expect(await handIn(fields)).toMatchObject({ reply: notYours, stored: 0 })
  })

  it('is not looked at without a login, where nobody says as whom the account may send, or if so asked', async () => {
    const fields = 'From: bob@example.test\r\n'
    expect(await handIn(fields, {}, false)).toMatchObject({ reply: taken })
    expect(await handIn(fields, { checkAuthor: false })).toMatchObject({ reply: taken })
    const accounts: Accounts = {
      find: address => testAccounts().find(address),
      authenticate: async () => ({ id: 'alice' }),
    }
    expect(await handIn(fields, { accounts })).toMatchObject({ reply: taken })
  })

  it('is asked for later when the accounts fail', async () => {
    let asked = 0
    const accounts: Accounts = {
      find: address => testAccounts().find(address),
      authenticate: async () => ({
        id: 'alice',
        maySendAs: () => {
          if (++asked > 1) throw new Error('database is down')
          return true
        },
      }),
    }
    const { reply, stored, told } = await handIn('From: bob@example.test\r\n', { accounts })
    expect(reply).toMatch(/^451 4\.3\.0 /)
    expect(stored).toBe(0)
    expect(told).toMatchObject([{ handler: 'accounts' }])
  })
})
