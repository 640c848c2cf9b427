import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { createTestMail, type TestMail } from 'posthorn/testing'
import { createShop, type Shop } from '../shop/shop.ts'

let mail: TestMail
let shop: Shop

before(async () => {
  mail = await createTestMail()
  shop = createShop(mail.smtp.settings)
})
beforeEach(() => mail.reset())
afterEach(async t => {
  if ('error' in t && t.error) console.log(await mail.report())
})
after(async () => {
  shop.close()
  await mail.close()
})

test('a new customer gets a code', async () => {
  await shop.signUp('alice@customer.test')
  const message = await mail.waitForMessage({ to: 'alice@customer.test' })
  assert.deepEqual(message.codes, ['482913'])
})

test('nobody else gets one', async () => {
  await shop.signUp('bob@customer.test')
  await mail.expectNone({ to: 'alice@customer.test' })
})
