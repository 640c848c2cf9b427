import { afterAll, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import { createTransport } from 'nodemailer'
import { createTestMail, mailMatchers } from 'posthorn/testing'

expect.extend(mailMatchers)

let mail
let transport

beforeAll(async () => {
  mail = await createTestMail()
  transport = createTransport(mail.smtp.settings)
})
beforeEach(() => mail.reset())
afterAll(async () => {
  transport.close()
  await mail.close()
})

/** A test that prints all that happened on the mail server when it fails. */
function mailTest(name, body) {
  test(name, async () => {
    try {
      await body()
    } catch (error) {
      console.log(await mail.report())
      throw error
    }
  })
}

mailTest('a new customer gets a code', async () => {
  await transport.sendMail({
    from: 'hello@shop.test',
    to: 'alice@customer.test',
    subject: 'Welcome',
    text: 'Your code is 482913: https://shop.test/confirm',
  })
  await expect(mail).toHaveReceived({ to: 'alice@customer.test', subject: 'Welcome' })
  const message = await mail.waitForMessage({ to: 'alice@customer.test' })
  expect(message.codes).toEqual(['482913'])
  expect(message).toHaveLink('/confirm')
})

mailTest('a customer gets a code while timers are fake', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] })
  try {
    await transport.sendMail({ from: 'hello@shop.test', to: 'bob@customer.test', text: 'Hello' })
    await expect(mail).toHaveReceived({ to: 'bob@customer.test' })
  } finally {
    jest.useRealTimers()
  }
})

test('a client that has a URL and no certificate', async () => {
  // JavaScript of Node.js 20 and 22 has no `await using`.
  const plain = await createTestMail({ tls: false })
  const client = createTransport(plain.smtp.url)
  try {
    await client.sendMail({ from: 'hello@shop.test', to: 'carol@customer.test', text: 'Hello' })
    await expect(plain).toHaveReceived({ to: 'carol@customer.test' })
  } finally {
    client.close()
    await plain.close()
  }
})
