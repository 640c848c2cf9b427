import { createTransport, type SendMailOptions } from 'nodemailer'
import type { TestMail } from '../../src/testing/index.js'

/** Sends a message as an app does, by nodemailer. */
export async function send({ smtp }: Pick<TestMail, 'smtp'>, message: SendMailOptions): Promise<void> {
  const transport = createTransport(smtp.settings)
  try {
    await transport.sendMail({ from: 'shop@app.test', text: 'Hello', ...message })
  } finally {
    transport.close()
  }
}
