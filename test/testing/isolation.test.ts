import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTransport } from 'nodemailer'
import { describe, expect, it } from 'vitest'
import { storedSuppressionList } from '../../src/queue/operation/stored-suppression-list.js'
import { createScriptedServer, createTestMail } from '../../src/testing/index.js'
import { Conversation } from '../smtp-server/conversation.js'
import { temporaryDirectory } from '../testing-tools/temporary-directory.js'
import { send } from './send.js'

describe('isolation of tests on one server', () => {
  it('gives each tenant addresses, credentials and mail of its own', async () => {
    await using mail = await createTestMail({ domains: ['app.test'] })
    const [one, two] = [mail.tenant(), mail.tenant()]
    const transport = createTransport(one.smtp.settings)
    await transport.sendMail({ from: 'shop@app.test', to: 'postmaster@app.test', text: 'by one' })
    transport.close()
    await send(mail, { to: two.address('bob'), subject: 'For two' })
    await send(mail, { to: one.address('bob'), subject: 'For one' })
    expect((await two.messages()).map(({ subject }) => subject)).toEqual(['For two'])
    expect((await one.messages()).map(({ number }) => number)).toEqual([1, 3])
    await two.expectNone({ subject: 'For one' })
    expect(one.domain).not.toBe(two.domain)
    const wrong = createTransport({ ...one.smtp.settings, auth: { user: one.user, pass: two.password } })
    await expect(wrong.verify()).rejects.toThrow(/535/)
    expect(two.env()['SMTP_USER']).toBe(`test@${two.domain}`)
  })

  it('has a tenant wait for sessions that concern it, not for those of others', async () => {
    await using mail = await createTestMail({ domains: ['app.test'] })
    const [ours, other] = [mail.tenant(), mail.tenant()]
    const unrest = { code: 'TIMEOUT' }
    const client = await Conversation.open(mail.smtp.port)
    await client.expect('220')
    await client.ask('EHLO client.test', '250')
    // It has named nobody yet: mail for any tenant may come of it.
    await expect(ours.idle({ timeout: 50 })).rejects.toMatchObject(unrest)
    await client.ask(`MAIL FROM:<${other.address('shop')}>`, '250')
    await ours.idle()
    await ours.expectNone()
    await expect(other.idle({ timeout: 50 })).rejects.toMatchObject(unrest)
    await client.ask(`RCPT TO:<${ours.address('bob').toUpperCase()}>`, '250')
    await expect(ours.expectNone({}, { timeout: 50 })).rejects.toMatchObject(unrest)
    await client.ask('RSET', '250')
    await client.ask('MAIL FROM:<shop@app.test>', '250')
    await expect(ours.idle({ timeout: 50 })).rejects.toMatchObject(unrest)
    await client.ask('RCPT TO:<alice@app.test>', '250')
    await ours.idle()
    await expect(mail.idle({ timeout: 50 })).rejects.toMatchObject(unrest)
    client.destroy()
    const login = await Conversation.open(mail.smtp.port)
    await login.expect('220')
    await login.ask('EHLO client.test', '250')
    const plain = Buffer.from(`\0${other.user}\0${other.password}`).toString('base64')
    await login.ask(`AUTH PLAIN ${plain}`, '235')
    await ours.idle()
    await expect(other.idle({ timeout: 50 })).rejects.toMatchObject(unrest)
    login.destroy()
  })

  it("has a tenant wait for its own deliveries, not for another's", async () => {
    const remote = createScriptedServer()
    const { port } = await remote.listen()
    let answer = () => {}
    const asked = new Promise<void>(resolve => {
      remote.on.data().run(peer => {
        resolve()
        return new Promise<void>(done => {
          answer = () => {
            peer.say(['451 4.3.0 Not now'])
            done()
          }
        })
      })
    })
    await using mail = await createTestMail({ domains: ['app.test'] })
    mail.route('slow.test', { port })
    const [ours, other] = [mail.tenant(), mail.tenant()]
    await send(other, { from: other.address('shop'), to: 'bob@slow.test' })
    await asked
    await ours.idle()
    await expect(other.idle({ timeout: 50 })).rejects.toThrow(/Deliveries under way:\n +bob@slow\.test/)
    await expect(mail.idle({ timeout: 50 })).rejects.toMatchObject({ code: 'TIMEOUT' })
    const rest = other.idle()
    answer()
    await rest
    const [entry] = await mail.server.queue.list()
    expect(entry).toMatchObject({ state: 'waiting', attempts: 1 })
    await remote.close()
  })

  it('puts mail back as it was', async () => {
    await using mail = await createTestMail({
      domains: ['app.test'],
      server: { queue: { history: { keep: '7d' }, suppression: {} } },
    })
    const { storage } = mail.server
    const list = storedSuppressionList({ storage })
    const queuedFor = async (recipient: string) =>
      (await storage.queue.list({ recipient })).map(({ id }) => id)
    mail.dns.set('down.test', { mx: 'mx.down.test' })
    mail.dns.set('mx.down.test', { a: '192.0.2.9' })
    await send(mail, { to: ['a@app.test', 'b@down.test', 'gone@down.test'], subject: 'First' })
    await mail.idle()
    const inbox = await mail.server.store.mailbox('a@app.test')
    await inbox.addFlags(1, ['\\Seen'])
    await list.add({ address: 'c@app.test', reason: 'complained', addedAt: 1 })
    await mail.server.queue.drop(await queuedFor('gone@down.test'))
    const state = await mail.snapshot()

    await mail.reset()
    expect(await mail.messages()).toEqual([])
    expect((await inbox.status()).messages).toBe(0)
    expect(await mail.server.queue.list()).toEqual([])
    expect(await mail.server.queue.history()).toEqual([])
    expect(await list.list()).toEqual([])
    await send(mail, { to: 'a@app.test', subject: 'Second' })

    await mail.restore(state)
    expect((await mail.messages()).map(({ subject }) => subject)).toEqual(['First'])
    const [record] = await inbox.list()
    expect(record?.flags).toEqual(['\\Seen'])
    expect((await inbox.parse(record?.uid ?? 0)).subject).toBe('First')
    expect((await mail.server.queue.list()).map(({ recipient }) => recipient.address)).toEqual([
      'b@down.test',
    ])
    expect(await mail.server.queue.history({ recipient: 'gone@down.test' })).toMatchObject([
      { end: 'dropped' },
    ])
    expect(await list.list()).toMatchObject([{ reason: 'complained' }])
  })

  it('begins with mail from messages, files and an mbox', async () => {
    await using mail = await createTestMail()
    const folder = temporaryDirectory()
    const eml = 'From: x@x.test\nTo: alice@app.test\nSubject: Old\n\nHello\n'
    writeFileSync(join(folder, '1.eml'), eml)
    writeFileSync(join(folder, 'old.mbox'), `From x@x.test Thu Jan  1 00:00:00 2026\n${eml}\n`)
    expect(await mail.seed([{ raw: eml, flags: ['\\Seen'] }])).toBe(1)
    expect(await mail.seed(folder)).toBe(1)
    expect(await mail.seed(join(folder, 'old.mbox'), { to: 'alice@app.test' })).toBe(1)
    const inbox = await mail.server.store.mailbox('alice@app.test')
    expect((await inbox.list()).map(({ flags }) => flags)).toEqual([['\\Seen'], [], []])
    expect(await mail.messages()).toEqual([])
    await expect(mail.seed(join(folder, 'old.mbox'))).rejects.toMatchObject({ code: 'OPTION_INVALID' })
  })

  it('delivers to a server of the app, as from outside', async () => {
    await using app = await createTestMail({ hostname: 'mx.app.test', domains: ['app.test'] })
    await using mail = await createTestMail()
    mail.route('app.test', { port: app.smtp.port })
    await mail.send({ from: 'Ann <ann@customer.test>', to: 'help@app.test', subject: 'Help', text: 'Please' })
    const received = await app.waitForMessage({ to: 'help@app.test' })
    expect(received.sender).toBe('ann@customer.test')
    expect(received.session?.helo).toBe('mail.test')
  })

  it('tells a tenant of refusals that are its own, also on a connection that many use', async () => {
    await using mail = await createTestMail({ domains: ['app.test'], waitTimeout: 20 })
    const [ours, other] = [mail.tenant(), mail.tenant()]
    const client = await Conversation.open(mail.smtp.port)
    await client.expect('220')
    await client.ask('EHLO client.test', '250')
    await client.ask(`MAIL FROM:<${ours.address('shop')}>`, '250')
    await client.ask(`RCPT TO:<nobody@${ours.domain}x.test>`, '550')
    await client.ask('RSET', '250')
    await client.ask(`MAIL FROM:<${other.address('shop')}>`, '250')
    await client.ask(`RCPT TO:<${other.address('b')}> NOTIFY=WHAT`, '501')
    await client.ask(`VRFY ${other.address('b')} ${'x'.repeat(10)}`, '25')
    client.destroy()
    await expect(other.waitForMessage()).rejects.toThrow(/NOTIFY=WHAT/)
    await expect(ours.waitForMessage()).rejects.not.toThrow(/NOTIFY=WHAT/)
  })

  it('reports to a tenant what is its own, after the end too', async () => {
    await using mail = await createTestMail({ domains: ['app.test'] })
    const [ours, other] = [mail.tenant(), mail.tenant()]
    mail.server.queue.pause()
    for (const tenant of [ours, other]) {
      const [at, subject] = [tenant.address('bob'), `For ${tenant.domain}`]
      await send(tenant, { from: at, to: [at, `late@${tenant === ours ? 'one' : 'two'}.test`], subject })
    }
    for (const _ of ['before', 'after']) {
      const report = await ours.report()
      expect(report).toContain(`For ${ours.domain}`)
      expect(report).toContain('late@one.test: waiting')
      expect(report).not.toMatch(new RegExp(`${other.domain}|two\\.test`))
      await mail.close()
    }
  })

  it('reports to a tenant no session of another, and all that waits however much others have', async () => {
    await using mail = await createTestMail({ domains: ['app.test'] })
    const [ours, other] = [mail.tenant(), mail.tenant()]
    mail.server.queue.pause()
    const sendTo = (sender: string, ...recipients: string[]) =>
      mail.server.queue.send({ from: sender, to: recipients, subject: 'Hi', text: 'x' })
    const many = Array.from({ length: 1_050 }, (_, index) => `n${index}@down.test`)
    await sendTo(other.address('shop'), ...many)
    await sendTo(ours.address('shop'), 'late@down.test')
    const client = await Conversation.open(mail.smtp.port)
    await client.expect('220')
    await client.ask('EHLO client.test', '250')
    await client.ask(`MAIL FROM:<${other.address('shop')}>`, '250')
    const report = await ours.report()
    expect(report).toContain('late@down.test: waiting')
    expect(report).not.toMatch(/Still open|n\d+@down/)
    expect(await other.report()).toContain('Still open')
    client.destroy()
  })

  it('goes on counting in another server where a snapshot ended', async () => {
    await using one = await createTestMail()
    await send(one, { to: 'a@x.test', subject: 'First' })
    await send(one, { to: 'a@x.test', subject: 'Second' })
    await using other = await createTestMail()
    await other.restore(await one.snapshot())
    const after = other.cursor()
    expect(after).toBe(2)
    const wait = other.waitForMessage({}, { after })
    await send(other, { to: 'a@x.test', subject: 'Third' })
    expect(await wait).toMatchObject({ subject: 'Third', number: 3 })
  })

  it('puts folders back that nothing is in', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: 'a@x.test' })
    await mail.server.store.createMailbox('a@x.test', 'Archive')
    const state = await mail.snapshot()
    await mail.reset()
    await mail.restore(state)
    const names = (await mail.server.store.mailboxes('a@x.test')).map(({ name }) => name)
    expect(names).toContain('Archive')
  })

  it('says what of an mbox could not be brought over, and takes a single message', async () => {
    await using mail = await createTestMail()
    const folder = temporaryDirectory()
    const eml = 'From: x@x.test\nTo: alice@app.test\nSubject: Old\n\nHello\n'
    writeFileSync(join(folder, '1.eml'), eml)
    writeFileSync(join(folder, 'old.mbox'), eml)
    expect(await mail.seed(join(folder, '1.eml'))).toBe(1)
    expect(await mail.seed(join(folder, '1.eml'), { to: 'bob@app.test' })).toBe(1)
    const inbox = await mail.server.store.mailbox('bob@app.test')
    expect((await inbox.parse(1)).subject).toBe('Old')
    const broken = mail.seed(join(folder, 'old.mbox'), { to: 'alice@app.test' })
    await expect(broken).rejects.toMatchObject({ code: 'FILE_FAILED' })
  })
})
