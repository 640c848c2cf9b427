/** The app: a help desk that takes mail by a server of its own, and answers by its provider's. */
import { EventEmitter } from 'node:events'
import { createTransport } from 'nodemailer'
import { createAccounts, createMailServer } from 'posthorn'

/** Opens the desk. Mail to `help@desk.test` opens a ticket, mail to `help+1@desk.test` goes on with ticket 1. */
export async function openHelpDesk(smtp: object) {
  const tickets: string[][] = []
  const news = new EventEmitter()
  const transport = createTransport(smtp)
  const accounts = createAccounts({ users: [{ name: 'help@desk.test', password: 'not for guests' }] })
  const server = createMailServer({ hostname: 'mx.desk.test', domains: ['desk.test'], accounts })
  server.smtp.on('message:accepted', async ({ envelope: { sender, recipients }, result: { copies } }) => {
    const inbox = await server.store.mailbox('help@desk.test')
    const { text = '' } = await inbox.parse(copies[0]?.uid ?? 0)
    const known = /^help\+(\d+)@/.exec(recipients[0]?.address ?? '')?.[1]
    const number = known === undefined ? tickets.push([]) : Number(known)
    tickets[number - 1]?.push(text.trim())
    news.emit('filed', number)
    if (known !== undefined || sender === '') return
    const replyTo = `help+${number}@desk.test`
    await transport.sendMail({ from: 'help@desk.test', replyTo, to: sender, subject: `Ticket ${number}` })
  })
  const bound = await server.listen({ smtp: { host: '127.0.0.1', port: 0 } })
  const close = async () => {
    transport.close()
    await server.close()
  }
  return { tickets, news, port: bound.smtp?.port ?? 0, close }
}
