/** A worker of a test runner, as a process: a server of its own, and tests that share it at the same time. */
import { createTransport } from 'nodemailer'
import { createTestMail, type TestMail } from '../../../src/testing/index.js'

async function oneTest(mail: TestMail, number: number): Promise<string[]> {
  const tenant = mail.tenant()
  const transport = createTransport(tenant.smtp.settings)
  for (const word of ['first', 'second']) {
    const text = `test ${number}, ${word}`
    await transport.sendMail({ from: 'app@app.test', to: tenant.address('user'), subject: 'Hello', text })
  }
  transport.close()
  const messages = await tenant.waitForMessages(2, { subject: 'Hello' })
  await tenant.expectNone({ text: new RegExp(`^test (?!${number},)`) })
  return messages.map(message => message.text.trim())
}

await using mail = await createTestMail()
const tests = Array.from({ length: 4 }, (_, number) => oneTest(mail, number))
process.send?.(await Promise.all(tests))
process.disconnect?.()
