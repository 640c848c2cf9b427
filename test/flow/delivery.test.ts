import { describe, expect, it } from 'vitest'
import { parseDsn } from '../../src/index.js'
import { createMailWorld } from './mail-world.js'

const letter = (to: string | string[], subject = 'Hello') => ({
  from: 'alice@paris.test',
  to,
  subject,
  text: 'How are you?',
})

describe('a letter on its way', () => {
  it('goes to another host by MX, over TLS, and into the mailbox there', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    const rome = await world.host('rome.test', { users: ['bob'] })
    const sent = await paris.queue.send(letter('bob@rome.test'))
    await world.clock.settled()
    const [message] = await rome.inbox('bob')
    expect(message?.subject).toBe('Hello')
    expect(message?.headers.filter(field => field.name === 'received')[0]?.value).toMatch(
      /from mx\.paris\.test .*by mx\.rome\.test .*ESMTPS/,
    )
    expect(message?.headers[0]).toEqual({ name: 'return-path', value: '<alice@paris.test>' })
    expect(await paris.queue.list()).toEqual([])
    expect(sent.entries).toHaveLength(1)
  })

  it('goes straight into the store for a local recipient, with nothing queued', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice', 'carol'] })
    const sent = await paris.queue.send(letter('carol@paris.test'))
    expect(sent.copies).toBe(1)
    expect(sent.entries).toEqual([])
    expect((await paris.inbox('carol')).map(message => message.subject)).toEqual(['Hello'])
  })

  it('takes the second exchanger when the first is down, and then not the first again', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    const backup = await world.host('rome.test', { users: ['bob'] })
    const dead = world.newAddress()
    world.zone.set('mx0.rome.test', { a: dead })
    world.zone.set('rome.test', {
      mx: [
        { preference: 5, exchange: 'mx0.rome.test' },
        { preference: 10, exchange: 'mx.rome.test' },
      ],
    })
    await paris.queue.send(letter('bob@rome.test'))
    await world.clock.settled()
    expect(await backup.inbox('bob')).toHaveLength(1)
    expect(await paris.queue.list()).toEqual([])
  })

  it('falls back from IPv6 to IPv4', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    const rome = await world.host('rome.test', { users: ['bob'] })
    world.zone.set('mx.rome.test', { aaaa: '2001:db8::99', a: rome.address })
    await paris.queue.send(letter('bob@rome.test'))
    await world.clock.settled()
    expect(await rome.inbox('bob')).toHaveLength(1)
  })

  it('goes to the address of a domain without MX', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    const rome = await world.host('rome.test', { users: ['bob'] })
    world.zone.set('rome.test', { a: rome.address })
    await paris.queue.send(letter('bob@rome.test'))
    await world.clock.settled()
    expect(await rome.inbox('bob')).toHaveLength(1)
  })

  it('waits while the other host is down and arrives once it is back', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    const rome = await world.host('rome.test', { users: ['bob'], up: false })
    const attempts: number[] = []
    paris.queue.on('recipient:deferred', event => attempts.push(event.attempt.startedAt))
    await paris.queue.send(letter('bob@rome.test'))
    await world.clock.advance('2h')
    expect(attempts.length).toBeGreaterThan(1)
    expect(await paris.queue.list()).toHaveLength(1)
    await rome.up()
    await world.clock.advance('2h')
    expect(await rome.inbox('bob')).toHaveLength(1)
    expect(await paris.queue.list()).toEqual([])
  })

  it('is one message to each of several recipients, whatever becomes of the others', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice', 'carol'] })
    const rome = await world.host('rome.test', { users: ['bob', 'dora'] })
    const oslo = await world.host('oslo.test', { users: ['erik'], up: false })
    await paris.queue.send(
      letter([
        'carol@paris.test',
        'bob@rome.test',
        'dora@rome.test',
        'nobody@rome.test',
        'erik@oslo.test',
        'x@nowhere.test',
      ]),
    )
    await world.clock.settled()
    expect(await paris.inbox('carol')).toHaveLength(1)
    expect(await rome.inbox('bob')).toHaveLength(1)
    expect(await rome.inbox('dora')).toHaveLength(1)
    const bounces = (await paris.inbox('alice')).map(message => message.text ?? '')
    expect(bounces).toHaveLength(2)
    expect(bounces.join('\n')).toContain('nobody@rome.test')
    expect(bounces.join('\n')).toContain('x@nowhere.test')
    expect(bounces.join('\n')).not.toMatch(/bob@|dora@|erik@|carol@/)
    expect((await paris.queue.list()).map(entry => entry.recipient.address)).toEqual(['erik@oslo.test'])
    await oslo.up()
    await world.clock.advance('3h')
    expect(await oslo.inbox('erik')).toHaveLength(1)
    expect(await rome.inbox('bob')).toHaveLength(1)
    expect(await paris.queue.list()).toEqual([])
  })

  it('is confirmed to a sender who asked for that, once it is in a mailbox', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice', 'carol'] })
    const rome = await world.host('rome.test', {
      users: ['bob', 'dora'],
      aliases: { 'team@rome.test': ['bob@rome.test', 'carol@paris.test'] },
    })
    const notify = ['success'] as const
    await paris.queue.send({
      raw: 'Subject: Hello\r\n\r\nHow are you?\r\n',
      envelope: {
        sender: 'alice@paris.test',
        envid: 'letter-1',
        recipients: [
          { address: 'bob@rome.test', notify },
          { address: 'dora@rome.test' },
          { address: 'team@rome.test', notify },
          { address: 'carol@paris.test', notify },
        ],
      },
    })
    await world.clock.settled()
    expect(await rome.inbox('bob')).toHaveLength(1)
    const mailbox = await paris.store.mailbox('alice')
    const told = await Promise.all(
      (await mailbox.list()).map(async message => parseDsn(await mailbox.open(message))),
    )
    const summary = told.flatMap(dsn =>
      (dsn?.recipients ?? []).map(({ originalRecipient, finalRecipient, action, status }) =>
        [
          dsn?.envid,
          dsn?.reportingMta,
          originalRecipient?.address,
          finalRecipient?.address,
          action,
          status,
        ].join(' '),
      ),
    )
    expect(summary.sort()).toEqual([
      'letter-1 mx.paris.test  carol@paris.test delivered 2.1.5',
      'letter-1 mx.paris.test team@rome.test carol@paris.test delivered 2.1.5',
      'letter-1 mx.rome.test  bob@rome.test delivered 2.1.5',
    ])
  })

  it('is confirmed once where an alias leads to several servers, which report failures alone', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    const rome = await world.host('rome.test', {
      users: ['bob'],
      aliases: { 'team@rome.test': ['dora@oslo.test', 'nobody@oslo.test', 'erik@lima.test'] },
    })
    const oslo = await world.host('oslo.test', { users: ['dora'] })
    await world.host('lima.test', { users: ['erik'] })
    const notify = ['success', 'failure'] as const
    await paris.queue.send({
      raw: 'Subject: Hello\r\n\r\nHow are you?\r\n',
      envelope: {
        sender: 'alice@paris.test',
        recipients: [
          { address: 'team@rome.test', notify },
          { address: 'bob@rome.test', notify },
        ],
      },
    })
    await world.clock.settled()
    expect(await oslo.inbox('dora')).toHaveLength(1)
    expect(await rome.inbox('bob')).toHaveLength(1)
    const mailbox = await paris.store.mailbox('alice')
    const told = await Promise.all(
      (await mailbox.list()).map(async message => parseDsn(await mailbox.open(message))),
    )
    const summary = told.flatMap(dsn =>
      (dsn?.recipients ?? []).map(({ originalRecipient, finalRecipient, action, status }) =>
        [originalRecipient?.address ?? '', finalRecipient?.address, action, status].join(' '),
      ),
    )
    expect(summary.sort()).toEqual([
      ' bob@rome.test delivered 2.1.5',
      ' team@rome.test expanded 2.1.5',
      'team@rome.test nobody@oslo.test failed 5.1.1',
    ])
  })

  it('tells nobody of a bounce that arrived', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    await paris.queue.send({
      raw: 'Subject: x\r\n\r\nx\r\n',
      envelope: { sender: '', recipients: [{ address: 'alice@paris.test', notify: ['success'] }] },
    })
    await world.clock.settled()
    expect(await paris.inbox('alice')).toHaveLength(1)
    expect(await paris.queue.list()).toEqual([])
  })

  it('follows an alias to another host, keeping the sender', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    const rome = await world.host('rome.test', {
      aliases: { 'team@rome.test': ['bob@oslo.test', 'postmaster@rome.test'] },
    })
    const oslo = await world.host('oslo.test', { users: ['bob'] })
    await paris.queue.send(letter('team@rome.test'))
    await world.clock.settled()
    expect((await oslo.inbox('bob'))[0]?.headers[0]?.value).toBe('<alice@paris.test>')
    expect(await rome.inbox('postmaster')).toHaveLength(1)
  })
})
