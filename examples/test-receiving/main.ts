/** A test of an app that receives mail: a correspondent writes, is answered, and answers in the same thread. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createTestMail } from 'posthorn/testing'
import { openHelpDesk } from './help-desk.ts'

await using mail = await createTestMail()
const desk = await openHelpDesk(mail.smtp.settings)
mail.route('desk.test', { port: desk.port })

await mail.send({ from: 'ann@customer.test', to: 'help@desk.test', subject: 'Help', text: 'It is broken.' })
const answer = await mail.waitForMessage({ to: 'ann@customer.test', subject: 'Ticket 1' })
assert.deepEqual(desk.tickets, [['It is broken.']])

const filed = once(desk.news, 'filed')
await answer.reply({ text: 'It works again.' })
await filed
assert.deepEqual(desk.tickets, [['It is broken.', 'It works again.']])

await mail.expectNone({ to: 'ann@customer.test' }, { after: answer })
await desk.close()
console.log('The help desk put the reply into the ticket it belongs to')
