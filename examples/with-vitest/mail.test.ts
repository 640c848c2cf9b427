import { createTestMail, type MailMatchers, mailMatchers, type TestMail } from 'posthorn/testing'
import { test as base, expect, onTestFailed } from 'vitest'
import { createShop } from '../shop/shop.ts'

declare module 'vitest' {
  interface Matchers<T> extends MailMatchers<T> {}
}
expect.extend(mailMatchers)

/** A test that has a mail server of its own, and prints what happened on it when it fails. */
const test = base.extend<{ mail: TestMail }>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads from the pattern which fixtures are wanted.
  mail: async ({}, use) => {
    await using mail = await createTestMail()
    onTestFailed(async () => console.log(await mail.report()))
    await use(mail)
  },
})

test('a new customer gets a code', async ({ mail }) => {
  const shop = createShop(mail.smtp.settings)
  await shop.signUp('alice@customer.test')
  shop.close()
  await expect(mail).toHaveReceived({ to: 'alice@customer.test', subject: 'Welcome' })
  const message = await mail.waitForMessage({ to: 'alice@customer.test' })
  expect(message.codes[0]).toBe('482913')
  expect(message).toHaveLink('/confirm')
  expect(message.lint()).toEqual([])
})
