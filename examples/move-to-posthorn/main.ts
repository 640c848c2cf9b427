/**
 * What tests did with Mailpit, MailHog, GreenMail, smtp-tester or Ethereal, done with a mail server in the test's own
 * process.
 */
import assert from 'node:assert/strict'
import { createTransport } from 'nodemailer'
import { createTestMail } from 'posthorn/testing'

// Ethereal: nodemailer.createTestAccount(); Mailpit, MailHog: a container and SMTP_PORT=1025.
await using mail = await createTestMail()
const transport = createTransport(mail.smtp.settings)

await transport.sendMail({
  from: 'shop@app.test',
  to: 'alice@customer.test',
  bcc: 'archive@app.test',
  subject: 'Your order',
  text: 'Your code is 1234.',
})

// Mailpit: poll /api/v1/search until it is there; smtp-tester: captureOne; GreenMail: waitForIncomingEmail and a count.
const message = await mail.waitForMessage({ to: 'alice@customer.test', subject: /order/ })
assert.match(message.text, /Your code is 1234/)
assert.deepEqual(message.hiddenRecipients, ['archive@app.test'])

// Others sleep, and hope that nothing more comes.
await mail.expectNone({ to: 'bob@customer.test' })

// MailHog's Jim and Mailpit's chaos fail at random; here a failure is met when it is wanted.
let refusals = 1
await using busy = await createTestMail({
  server: {
    policies: [
      {
        name: 'busy',
        rcpt: () => (refusals-- > 0 ? { action: 'defer' } : undefined),
      },
    ],
  },
})
const impatient = createTransport(busy.smtp.settings)
const letter = { from: 'shop@app.test', to: 'alice@customer.test', text: 'Again' }
await assert.rejects(impatient.sendMail(letter), /451 4\.7\.1/)
await impatient.sendMail(letter)
assert.equal((await busy.messages()).length, 1)

transport.close()
impatient.close()
console.log(`${message.subject}: as before, and without polling, sleeping or a container.`)
