import { describe, expect, it } from 'vitest'
import { createTestMail, type MailMatchers, mailMatchers } from '../../src/testing/index.js'
import { send } from './send.js'

declare module 'vitest' {
  interface Matchers<T> extends MailMatchers<T> {}
}
expect.extend(mailMatchers)

describe('matchers', () => {
  it('wait for mail, look for links, and judge by DMARC', async () => {
    await using mail = await createTestMail({ waitTimeout: 50 })
    mail.dns.set('app.test', { txt: 'v=spf1 ip4:127.0.0.1 -all' })
    mail.dns.set('_dmarc.app.test', { txt: 'v=DMARC1; p=reject' })
    await send(mail, { to: 'a@x.test', subject: 'Hi', text: 'See https://app.test/reset?x' })
    await expect(mail).toHaveReceived({ to: 'a@x.test', subject: 'Hi' })
    await expect(mail).not.toHaveReceived({ subject: 'Bye' })
    const message = await mail.waitForMessage()
    expect(message).toHaveLink('/reset')
    expect(message).not.toHaveLink(/delete/)
    await expect(message).toPassDmarc()

    await expect(expect(mail).toHaveReceived({ subject: 'Bye' })).rejects.toThrow(/wanted "Bye", got "Hi"/)
    await expect(expect(mail).not.toHaveReceived({ subject: 'Hi' })).rejects.toThrow(/expected none/)
    expect(() => expect(message).toHaveLink('/delete')).toThrow(/https:\/\/app\.test\/reset\?x/)
    mail.dns.set('app.test', { txt: 'v=spf1 -all' })
    await expect(expect(message).toPassDmarc()).rejects.toThrow(
      /DMARC of app\.test: fail[\s\S]*SPF of app\.test: fail/,
    )
  })
})
