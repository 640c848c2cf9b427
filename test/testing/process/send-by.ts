import { createTransport, type SendMailOptions } from 'nodemailer'

/** Sends a message to a port, as a client does that does not look at certificates. */
export async function sendBy(port: number, message: SendMailOptions & { to: string }): Promise<void> {
  const transport = createTransport({ host: '127.0.0.1', port, tls: { rejectUnauthorized: false } })
  const envelope = { from: 'app@shop.test', to: [message.to] }
  try {
    await transport.sendMail({ envelope, from: 'app@shop.test', text: 'Hello', ...message })
  } finally {
    transport.close()
  }
}
