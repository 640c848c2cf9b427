import { expect, test } from 'vitest'
import type { MailServer } from '../../src/index.js'
import { createVerp } from '../../src/index.js'
import { createTestInternet, gmail } from '../../src/testing/index.js'

/** An app with a mailing list, which leaves out who cannot be reached. */
function createNewsletter(mail: MailServer) {
  const unreachable = new Map<string, string>()
  mail.queue.on('recipient:failed', ({ recipient, attempt }) => {
    unreachable.set(recipient, attempt.reason)
  })
  mail.queue.on('bounce:received', ({ recipient, verified, dsn }) => {
    const said = dsn?.recipients[0]
    if (verified && recipient && said?.action === 'failed') unreachable.set(recipient, said.status ?? '5.0.0')
  })
  const send = async (to: string) => {
    await mail.queue.send({ from: 'news@app.test', to, subject: 'News', text: 'All is well.' })
  }
  return { unreachable, send }
}

const verp = createVerp({ secret: 'sixteen or more characters' })

test('an address that is refused', async () => {
  await using internet = createTestInternet()
  const app = await internet.server('app.test', { users: ['news'], server: { queue: { verp } } })
  const newsletter = createNewsletter(app)
  internet.host('mx.rome.test').on.rcpt('bob@rome.test').reply(550, '5.1.1 No such user')

  await newsletter.send('bob@rome.test')
  await newsletter.send('carol@rome.test')
  await internet.clock.settled()

  expect(newsletter.unreachable).toEqual(
    new Map([['bob@rome.test', '550 5.1.1 No such user (in reply to RCPT TO)']]),
  )
})

test('an address that bounces later, from another server', async () => {
  await using internet = createTestInternet()
  const app = await internet.server('app.test', { users: ['news'], server: { queue: { verp } } })
  const newsletter = createNewsletter(app)
  await internet.server('rome.test', { aliases: { 'bob@rome.test': ['bob@moved.test'] } })
  internet.host('mx.moved.test').on.rcpt().reply(550, '5.1.6 Moved away')

  await newsletter.send('bob@rome.test')
  await internet.clock.settled()

  expect([...newsletter.unreachable.keys()]).toEqual(['bob@rome.test'])
})

test('a server that greylists is no reason to give up', async () => {
  await using internet = createTestInternet()
  const app = await internet.server('app.test', { users: ['news'], server: { queue: { verp } } })
  const newsletter = createNewsletter(app)
  const slow = internet.host('mx.slow.test')
  slow.on.rcpt(/@slow/).times(2).reply(451, '4.7.1 greylisted').then.accept()

  await newsletter.send('bob@slow.test')
  await internet.clock.advance('4h')

  expect(newsletter.unreachable.size).toBe(0)
  expect(slow.messages).toHaveLength(1)
})

test('a server that is down for good is given up after 30 hours', async () => {
  await using internet = createTestInternet()
  const app = await internet.server('app.test', { users: ['news'], server: { queue: { verp } } })
  const newsletter = createNewsletter(app)
  internet.host('mx.rome.test')
  internet.unplug('mx.rome.test')

  await newsletter.send('bob@rome.test')
  await internet.clock.advance('29h')
  expect(newsletter.unreachable.size).toBe(0)
  await internet.clock.advance('1h')
  expect([...newsletter.unreachable.keys()]).toEqual(['bob@rome.test'])
})

test('DNS that fails is waited for, a domain that does not exist is not', async () => {
  await using internet = createTestInternet()
  const app = await internet.server('app.test', { users: ['news'], server: { queue: { verp } } })
  const newsletter = createNewsletter(app)
  const rome = internet.host('mx.rome.test')
  internet.dns.fail('rome.test', 'servfail')

  await newsletter.send('bob@rome.test')
  await newsletter.send('bob@no-such-domain.test')
  await internet.clock.advance('1h')
  expect([...newsletter.unreachable.keys()]).toEqual(['bob@no-such-domain.test'])

  internet.dns.recover()
  await internet.clock.advance('4h')
  expect(rome.messages).toHaveLength(1)
})

test('mail to Gmail without SPF or DKIM', async () => {
  await using internet = createTestInternet()
  const app = await internet.server('app.test', { users: ['news'], server: { queue: { verp } } })
  const newsletter = createNewsletter(app)
  internet.provider(gmail)

  await newsletter.send('bob@gmail.com')
  await internet.clock.settled()
  expect(newsletter.unreachable.get('bob@gmail.com')).toContain('550 5.7.26')

  internet.dns.set('app.test', { txt: 'v=spf1 mx -all' })
  newsletter.unreachable.clear()
  await newsletter.send('bob@gmail.com')
  await internet.clock.settled()
  expect(newsletter.unreachable.size).toBe(0)
})
