/** The app that the examples for test runners try: it greets who signs up. */
import { createTransport, type Transporter } from 'nodemailer'

/** A shop that sends mail. */
export interface Shop {
  signUp(address: string): Promise<void>
  close(): void
}

export function createShop(smtp: object): Shop {
  const transport: Transporter = createTransport(smtp)
  return {
    async signUp(address) {
      await transport.sendMail({
        from: 'The Shop <hello@shop.test>',
        to: address,
        subject: 'Welcome',
        text: 'Your code is 482913.',
        html: '<p>Your code is 482913. <a href="https://shop.test/confirm?code=482913">Confirm</a></p>',
      })
    },
    close: () => transport.close(),
  }
}
