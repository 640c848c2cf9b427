import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test as base, expect as playwrightExpect } from '@playwright/test'
import { createTestMail, mailMatchers, type TestMail } from 'posthorn/testing'
import { createShop } from '../shop/shop.ts'

/** The shop's web site: a form to sign up, and the page that the link of the mail leads to. */
function createSite(smtp: object): Server {
  const shop = createShop(smtp)
  const site = createServer(async (request, response) => {
    response.setHeader('content-type', 'text/html')
    const url = new URL(request.url ?? '/', 'http://shop.test')
    const address = url.searchParams.get('address')
    if (address) await shop.signUp(address)
    if (url.pathname === '/confirm') response.end(`<h1>Confirmed with ${url.searchParams.get('code')}</h1>`)
    else response.end('<form><input name="address" aria-label="Address"><button>Sign up</button></form>')
  })
  site.on('close', () => shop.close())
  return site
}

const test = base.extend<{ mail: TestMail; site: string }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads from the pattern which fixtures are wanted.
  mail: async ({}, use, info) => {
    const mail = await createTestMail()
    await use(mail)
    if (info.status !== info.expectedStatus) console.log(await mail.report())
    await mail.close()
  },
  site: async ({ mail }, use) => {
    const site = createSite(mail.smtp.settings)
    await new Promise<void>(resolve => site.listen(0, '127.0.0.1', resolve))
    await use(`http://127.0.0.1:${(site.address() as AddressInfo).port}`)
    // A browser may hold a connection in reserve that asked for nothing yet; closing waits for such a one.
    site.closeAllConnections()
    await new Promise(resolve => site.close(resolve))
  },
})

const expect = playwrightExpect.extend(mailMatchers)

test('who signs up confirms by the link in the mail', async ({ page, mail, site }) => {
  await page.goto(site)
  await page.getByLabel('Address').fill('alice@customer.test')
  await page.getByRole('button').click()
  await expect(mail).toHaveReceived({ to: 'alice@customer.test', subject: 'Welcome' })
  const message = await mail.waitForMessage({ to: 'alice@customer.test' })
  expect(message).toHaveLink('/confirm')
  await page.goto(message.link('Confirm').url.replace('https://shop.test', site))
  await expect(page.getByRole('heading')).toHaveText('Confirmed with 482913')
})
