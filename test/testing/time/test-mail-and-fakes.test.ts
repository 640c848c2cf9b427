import { existsSync } from 'node:fs'
import { mock } from 'node:test'
import FakeTimersOfSinon from '@sinonjs/fake-timers'
import { createTransport } from 'nodemailer'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createTestMail, createVirtualClock } from '../../../src/testing/index.js'
import { Conversation } from '../../smtp-server/conversation.js'
import { send } from '../send.js'

afterEach(() => {
  vi.useRealTimers()
  mock.timers.reset()
})

describe('a test mail beside fake timers', () => {
  it('works with those that leave setImmediate alone', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'setInterval', 'performance'] })
    await using mail = await createTestMail()
    await send(mail, { to: 'a@x.test', subject: 'Hi' })
    expect((await mail.waitForMessage({ to: 'a@x.test' })).subject).toBe('Hi')
    await mail.idle()
  })

  it.each([
    ['Vitest', () => vi.useFakeTimers()],
    ['node:test', () => mock.timers.enable()],
  ])('closes while those of %s hold up sockets, with clients connected', async (_whose, fake) => {
    const mail = await createTestMail()
    const transport = createTransport({ ...mail.smtp.settings, pool: true })
    await transport.sendMail({ from: 'a@app.test', to: 'b@app.test', text: 'x' })
    fake()
    await mail.close()
    expect(await mail.report()).toContain('b@app.test')
    await expect(mail.server.store.mailboxes('b@app.test')).rejects.toMatchObject({ code: 'CLOSED' })
    transport.close()
  })

  it('closes within a grace period that those of Vitest keep from passing', async () => {
    const mail = await createTestMail()
    const transport = createTransport({ ...mail.smtp.settings, pool: true })
    await transport.sendMail({ from: 'a@app.test', to: 'b@app.test', text: 'x' })
    vi.useFakeTimers()
    await mail.close({ grace: '5s' })
    transport.close()
  })

  it('says so where fakes come while it closes, and lets go of its files', async () => {
    const mail = await createTestMail()
    const client = await Conversation.open(mail.smtp.port)
    await client.expect('220')
    await client.ask('EHLO client.test', '250')
    await client.ask('MAIL FROM:<a@app.test>', '250')
    const file = mail.env()['NODE_EXTRA_CA_CERTS'] ?? ''
    expect(existsSync(file)).toBe(true)
    const advance = mail.clock.advance.bind(mail.clock)
    vi.spyOn(mail.clock, 'advance').mockImplementation(by => {
      vi.useFakeTimers()
      return advance(by)
    })
    await expect(mail.close({ grace: '5s' })).rejects.toThrow('fake timers stand in for setImmediate')
    expect(existsSync(file)).toBe(false)
    client.destroy()
  })

  it('leaves a clock that others go by where it is', async () => {
    const clock = createVirtualClock()
    const mail = await createTestMail({ clock })
    const transport = createTransport({ ...mail.smtp.settings, pool: true })
    await transport.sendMail({ from: 'a@app.test', to: 'b@app.test', text: 'x' })
    const before = clock.now()
    await mail.close()
    for (let time = 0; time < 8; time++) await clock.settled()
    expect(clock.now()).toBe(before)
    transport.close()
  })

  it('gives a client the grace period, on a clock that nobody else moves', async () => {
    const clock = createVirtualClock()
    const mail = await createTestMail({ clock })
    const transport = createTransport({ ...mail.smtp.settings, pool: true })
    await transport.sendMail({ from: 'a@app.test', to: 'b@app.test', text: 'x' })
    await mail.close({ grace: '5s' })
    transport.close()
  })

  it.each([
    ['Vitest', () => vi.useFakeTimers(), /fake timers stand in for setImmediate.*toFake/],
    [
      'Vitest, for timeouts',
      () => vi.useFakeTimers({ toFake: ['setTimeout'] }),
      /fake timers stand in for setTimeout/,
    ],
    ['node:test', () => mock.timers.enable(), /fake timers stand in for setImmediate.*mock\.timers/],
  ])('names those of %s in waits that fail', async (_whose, fake, hint) => {
    await using mail = await createTestMail()
    const client = await Conversation.open(mail.smtp.port)
    await client.expect('220')
    fake()
    await expect(mail.waitForMessage({}, { timeout: 20 })).rejects.toThrow(hint)
    await expect(mail.idle({ timeout: 20 })).rejects.toThrow(hint)
    client.destroy()
  })

  it('fails a wait in time while those of Jest hold up what is read, and says what to leave out', async () => {
    await using mail = await createTestMail()
    await send(mail, { to: 'a@x.test', html: '<p>x', attachments: [{ content: 'x' }] })
    const fakes = FakeTimersOfSinon.install({
      toFake: ['queueMicrotask', 'setImmediate', 'setTimeout'],
    })
    try {
      await expect(mail.waitForMessage({ to: 'b@x.test' }, { timeout: 20 })).rejects.toThrow(
        /jest\.useFakeTimers\({ doNotFake: \['nextTick', 'queueMicrotask', 'setImmediate'\] }\)/,
      )
    } finally {
      fakes.uninstall()
    }
  })
})
