import { expect, it } from 'vitest'
import {
  createAccounts,
  createDkimSigner,
  createDnsZone,
  createMailServer,
  createVerp,
  memoryStorage,
} from '../../src/index.js'
import type { DeliveryQueueEvents } from '../../src/queue/events.js'
import { testTls } from '../fixtures/tls.js'
import { dkimRecords, ed25519Key } from '../signing/dkim-keys.js'
import { dkimpy, verifyWithDkimpy } from '../signing/dkimpy.js'
import { describeWith } from '../testing-tools/tools.js'
import { describeReports } from './foreign-reports.js'
import { startPostfix } from './postfix.js'
import { freePort, maildir, root, serverDirectory } from './server-process.js'

const letter = `From: alice@paris.test\r\nMessage-ID: <1@paris.test>\r\nDate: Thu, 1 Jan 2026 08:00:00 +0000\r\nSubject: dots\r\n\r\n.\r\n..two\r\n${'long '.repeat(150)}\r\nend\r\n`

/** A host for paris.test beside a Postfix for rome.test that sends its bounces there. */
async function parisAndRome() {
  const directory = serverDirectory()
  const parisPort = await freePort()
  const postfix = await startPostfix(directory, { relayPort: parisPort })
  const server = createMailServer({
    hostname: 'mx.paris.test',
    domains: ['paris.test'],
    accounts: createAccounts({
      users: [{ name: 'alice', password: 'wonderland', addresses: ['alice@paris.test'] }],
    }),
    storage: memoryStorage(),
    resolver: createDnsZone({ 'rome.test': { mx: 'mx.rome.test' }, 'mx.rome.test': { a: '127.0.0.1' } }),
    tls: testTls,
    queue: {
      verp: createVerp({ secret: 'a secret of the tests' }),
      sign: createDkimSigner({ keys: [{ domain: 'paris.test', selector: 'ed', privateKey: ed25519Key }] }),
      delivery: { port: postfix.port, allowPrivateAddresses: true, tlsOptions: { ca: testTls.cert } },
    },
  })
  await server.listen({ smtp: { host: '127.0.0.1', port: parisPort } })
  const told = <Name extends keyof DeliveryQueueEvents>(name: Name): Promise<DeliveryQueueEvents[Name]> =>
    new Promise(resolve => server.queue.once(name, resolve))
  return {
    server,
    postfix,
    told,
    async [Symbol.asyncDispose]() {
      await server.close({ grace: 0 })
      await server.storage.close()
      await directory[Symbol.asyncDispose]()
    },
  }
}

describeWith(['postfix', root, dkimpy], 'Postfix', () => {
  it('takes mail over STARTTLS, byte for byte', async () => {
    await using world = await parisAndRome()
    const delivered = world.told('recipient:delivered')
    const envelope = { sender: 'alice@paris.test', recipients: ['bob@rome.test'] }
    await world.server.queue.send({ raw: letter, envelope })
    expect(await delivered).toMatchObject({
      recipient: 'bob@rome.test',
      attempt: { tls: expect.stringMatching(/^TLSv1\.3/), host: 'mx.rome.test', reply: { code: 250 } },
    })
    const [message = ''] = await maildir(world.postfix.mailbox('bob'), 1)
    expect(message).toMatch(/^Return-Path: <alice\+bob=rome\.test\+[0-9a-z]{10}@paris\.test>\n/)
    expect(verifyWithDkimpy(Buffer.from(message, 'latin1'), dkimRecords('paris.test')).dkim).toEqual([true])
    expect(message.slice(message.indexOf('From: alice@'))).toBe(letter.replaceAll('\r\n', '\n'))
  })

  it('is understood where it refuses a recipient, and the other gets the mail', async () => {
    await using world = await parisAndRome()
    const failed = world.told('recipient:failed')
    const recipients = ['carol@rome.test', 'nobody@rome.test']
    await world.server.queue.send({ raw: letter, envelope: { sender: 'alice@paris.test', recipients } })
    expect(await failed).toMatchObject({
      recipient: 'nobody@rome.test',
      attempt: { scope: 'recipient', reply: { code: 550, enhanced: '5.1.1' } },
    })
    expect(await maildir(world.postfix.mailbox('carol'), 1)).toHaveLength(1)
  })

  it('sends the notification that the sender asked for, to the address that it was signed with', async () => {
    await using world = await parisAndRome()
    const bounce = world.told('bounce:received')
    const recipient = {
      address: 'bob@rome.test',
      notify: ['success'] as const,
      originalRecipient: 'rfc822;robert@rome.test',
    }
    const envelope = {
      sender: 'alice@paris.test',
      recipients: [recipient],
      envid: 'QQ+1',
      ret: 'hdrs' as const,
    }
    await world.server.queue.send({ raw: letter, envelope })
    expect(await bounce).toMatchObject({
      verified: true,
      sender: 'alice@paris.test',
      recipient: 'bob@rome.test',
      dsn: {
        reportingMta: 'mx.rome.test',
        envid: 'QQ+1',
        recipients: [
          {
            action: 'delivered',
            status: '2.0.0',
            finalRecipient: { type: 'rfc822', address: 'bob@rome.test' },
            originalRecipient: { type: 'rfc822', address: 'robert@rome.test' },
          },
        ],
      },
    })
    const inbox = await world.server.store.mailbox('alice')
    await expect.poll(async () => (await inbox.list()).length).toBe(1)
  })

  describeReports('postfix', startPostfix, {
    failed: ['nobody@oslo.test', 'eve@oslo.test'],
    delayed: ['later@oslo.test'],
    relayed: ['dora@oslo.test'],
    delivered: ['bob@rome.test'],
    expanded: ['team@rome.test'],
    smtputf8: ['nöbody@oslo.test'],
  })
})
