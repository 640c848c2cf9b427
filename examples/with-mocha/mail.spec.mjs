import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'mocha'
import { createTestMail } from 'posthorn/testing'
import { createShop } from '../shop/shop.ts'

describe('the shop', () => {
  let mail
  let shop

  before(async () => {
    // Mocha ends a test after 2 seconds: the wait must end before, to say why mail did not come.
    mail = await createTestMail({ waitTimeout: '1500ms' })
    shop = createShop(mail.smtp.settings)
  })
  beforeEach(() => mail.reset())
  afterEach(async function () {
    if (this.currentTest?.isFailed()) console.log(await mail.report())
  })
  after(async () => {
    shop.close()
    await mail.close()
  })

  it('sends a new customer a code', async () => {
    await shop.signUp('alice@customer.test')
    const message = await mail.waitForMessage({ to: 'alice@customer.test' })
    assert.deepEqual(message.codes, ['482913'])
  })
})
