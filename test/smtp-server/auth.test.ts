import { describe, expect, it } from 'vitest'
import type { Credentials } from '../../src/accounts/accounts.js'
import { testTls } from '../fixtures/tls.js'
import { plain, startHost, testAccounts } from './mail-host.js'

const base64 = (text: string) => Buffer.from(text).toString('base64')

describe('AUTH', () => {
  it('is refused in the clear', async () => {
    const client = await (await startHost({ tls: testTls })).hello()
    await client.ask(`AUTH PLAIN ${plain('alice', 'secret')}`, '538 5.7.11')
  })

  it('takes PLAIN, with and without an initial response', async () => {
    const host = await startHost({ tls: testTls }, { tls: 'implicit' })
    const first = await host.hello({ tls: true })
    await first.ask(`AUTH plain ${plain('alice', 'secret')}`, '235 2.7.0')
    const second = await host.hello({ tls: true })
    await second.ask('AUTH PLAIN', /^334 $|^334$/)
    await second.ask(plain('alice', 'secret'), '235 2.7.0')
    await second.ask(`AUTH PLAIN ${plain('alice', 'secret')}`, '503 5.5.1')
    expect(await second.ask('EHLO x', '250')).not.toMatch(/AUTH/)
    expect(host.told('session:authenticated')).toMatchObject([
      { account: 'alice', mechanism: 'PLAIN' },
      { account: 'alice', mechanism: 'PLAIN' },
    ])
  })

  it('takes null from accounts for a user that does not exist', async () => {
    const accounts = { ...testAccounts(), authenticate: async () => null as unknown as undefined }
    const host = await startHost({ accounts, allowInsecureAuth: true })
    const client = await host.hello()
    await client.ask(`AUTH PLAIN ${plain('nobody', 'x')}`, '535 5.7.8')
    expect(host.told('handler:failed')).toEqual([])
  })

  it('takes LOGIN', async () => {
    const host = await startHost({ allowInsecureAuth: true })
    const client = await host.hello()
    await client.ask('AUTH LOGIN', '334 VXNlcm5hbWU6')
    await client.ask(base64('alice'), '334 UGFzc3dvcmQ6')
    await client.ask(base64('secret'), '235 2.7.0')
    const other = await host.hello()
    await other.ask(`AUTH LOGIN ${base64('bob')}`, '334 UGFzc3dvcmQ6')
    await other.ask(base64('hunter2'), '235 2.7.0')
  })

  it('refuses what is no AUTH', async () => {
    const host = await startHost({ allowInsecureAuth: true })
    const client = await host.hello()
    await client.ask('AUTH', '501 5.5.4')
    await client.ask('AUTH PLAIN a b', '501 5.5.4')
    await client.ask('AUTH CRAM-MD5', '504 5.5.4')
    await client.ask('AUTH PLAIN', '334')
    await client.ask('*', '501 5.7.0')
    await client.ask('AUTH LOGIN', '334')
    await client.ask(base64('alice'), '334')
    await client.ask('*', '501 5.7.0')
    await client.ask('MAIL FROM:<alice@example.test>', '250')
    await client.ask(`AUTH PLAIN ${plain('alice', 'secret')}`, '503 5.5.1')
  })

  it('hands the accounts what the client showed', async () => {
    const seen: Credentials[] = []
    const accounts = testAccounts()
    const host = await startHost({
      allowInsecureAuth: true,
      accounts: {
        find: address => accounts.find(address),
        authenticate: async credentials => {
          seen.push(credentials)
          return { id: 'boss' }
        },
      },
    })
    const client = await host.hello()
    await client.ask(`AUTH PLAIN ${plain('alice', 'secret', 'boss')}`, '235')
    expect(seen).toEqual([
      {
        username: 'alice',
        password: 'secret',
        actAs: 'boss',
        protocol: 'smtp',
        remoteAddress: '127.0.0.1',
        secure: false,
      },
    ])
  })

  it('is a temporary failure when the accounts fail', async () => {
    const broken = [
      () => Promise.reject(new Error('database is down')),
      () => {
        throw new Error('at once')
      },
      async () => ({ no: 'account' }) as never,
    ]
    for (const authenticate of broken) {
      const host = await startHost({
        allowInsecureAuth: true,
        accounts: { authenticate, find: async () => undefined },
      })
      const client = await host.hello()
      await client.ask(`AUTH PLAIN ${plain('alice', 'secret')}`, '454 4.7.0')
      expect(host.told('handler:failed')).toMatchObject([{ handler: 'accounts' }])
      await client.ask('NOOP', '250')
    }
  })
})
