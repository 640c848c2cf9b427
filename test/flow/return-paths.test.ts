import { describe, expect, it } from 'vitest'
import { createSrs, createVerp } from '../../src/index.js'
import type { DeliveryQueueEvents } from '../../src/queue/events.js'
import { createMailWorld } from './mail-world.js'

type Bounce = DeliveryQueueEvents['bounce:received']
const verp = createVerp({ secret: 'a secret of the tests' })

/** Paris signs its return addresses; Rome forwards to a host that refuses everybody but Carol. */
async function bouncingWorld() {
  const world = createMailWorld()
  const paris = await world.host('paris.test', { users: ['alice'], server: { queue: { verp } } })
  const rome = await world.host('rome.test', {
    users: ['dora'],
    aliases: { 'bob@rome.test': ['nobody@oslo.test'] },
  })
  await world.host('oslo.test', { users: ['carol'] })
  const bounces: Bounce[] = []
  paris.queue.on('bounce:received', bounce => bounces.push(bounce))
  return { ...world, paris, rome, bounces, [Symbol.asyncDispose]: world[Symbol.asyncDispose] }
}

describe('a bounce to a signed return address', () => {
  it('tells the app of the recipient, and lands in the mailbox of the sender', async () => {
    await using world = await bouncingWorld()
    const { paris, bounces } = world
    await paris.queue.send({ from: 'alice@paris.test', to: 'bob@rome.test', subject: 'Hi', text: 'Hello' })
    await world.clock.settled()
    expect(bounces).toMatchObject([
      {
        to: expect.stringMatching(/^alice\+bob=rome\.test\+[0-9a-z]{10}@paris\.test$/),
        sender: 'alice@paris.test',
        recipient: 'bob@rome.test',
        verified: true,
        dsn: {
          reportingMta: 'mx.rome.test',
          recipients: [
            { action: 'failed', status: '5.1.1', finalRecipient: { address: 'nobody@oslo.test' } },
          ],
        },
      },
    ])
    expect((await paris.inbox('alice')).map(mail => mail.subject)).toEqual([
      'Your message could not be delivered',
    ])
  })

  it('reaches the app also where the sender has no mailbox', async () => {
    await using world = await bouncingWorld()
    const { paris, bounces } = world
    await paris.queue.send({ from: 'news@paris.test', to: 'bob@rome.test', subject: 'Hi', text: 'Hello' })
    await world.clock.settled()
    expect(bounces).toMatchObject([{ sender: 'news@paris.test', recipient: 'bob@rome.test', verified: true }])
    expect(await paris.queue.list()).toEqual([])
  })

  it('is told of as unverified where it came to an address that anybody can write', async () => {
    await using world = await bouncingWorld()
    const { rome, bounces } = world
    await rome.queue.send({
      raw: 'Subject: x\r\n\r\n',
      envelope: { sender: 'alice@paris.test', recipients: ['nobody@oslo.test'] },
    })
    await world.clock.settled()
    expect(bounces).toMatchObject([{ to: 'alice@paris.test', sender: 'alice@paris.test', verified: false }])
    expect(bounces[0]).not.toHaveProperty('recipient')
  })

  it('is not taken for one when the signature is forged', async () => {
    await using world = await bouncingWorld()
    const { rome, bounces } = world
    const forged = createVerp({ secret: 'a secret of somebody' }).encode(
      'alice@paris.test',
      'bob@rome.test',
      world.clock.now(),
    )
    const raw = 'Subject: not for the app\r\n\r\n'
    await rome.queue.send({ raw, envelope: { sender: '', recipients: [forged] } })
    await world.clock.settled()
    expect(bounces).toEqual([])
  })

  it('has a transaction for each recipient, who are told apart; local bounces go to the sender', async () => {
    await using world = await bouncingWorld()
    const { paris, rome } = world
    const senders: string[] = []
    rome.smtp.on('message:accepted', message => senders.push(message.envelope.sender))
    await paris.queue.send({
      from: 'alice@paris.test',
      to: ['dora@rome.test', 'no@rome.test'],
      text: 'Hello',
    })
    await world.clock.settled()
    expect(senders).toEqual([expect.stringMatching(/^alice\+dora=rome\.test\+.{10}@paris\.test$/)])
    expect((await paris.inbox('alice')).map(mail => mail.to?.map(to => to.address))).toEqual([
      ['alice@paris.test'],
    ])
  })

  it('is told for each address it came to, with all that it says, and again where it comes again', async () => {
    await using world = await bouncingWorld()
    const { rome, bounces } = world
    const signed = (recipient: string) => verp.encode('alice@paris.test', recipient, world.clock.now())
    const recipients = [signed('bob@rome.test'), signed('eve@rome.test')]
    const report = [
      'Content-Type: multipart/report; report-type=delivery-status; boundary=r',
      '',
      '--r',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; mx.rome.test',
      ...['bob', 'eve'].flatMap(name => ['', `Final-Recipient: rfc822; ${name}@rome.test`, 'Action: failed']),
      '--r--',
    ]
    for (let times = 0; times < 2; times++) {
      await rome.queue.send({ raw: report.join('\r\n'), envelope: { sender: '', recipients } })
      await world.clock.settled()
    }
    expect(bounces.map(bounce => [bounce.recipient, bounce.dsn?.recipients.length])).toEqual([
      ['bob@rome.test', 2],
      ['eve@rome.test', 2],
      ['bob@rome.test', 2],
      ['eve@rome.test', 2],
    ])
    expect(new Set(bounces.map(bounce => bounce.traceId)).size).toBe(2)
  })
})

describe('SRS', () => {
  const srs = createSrs({ secret: 'a secret of the tests', domain: 'rome.test' })

  it('rewrites the sender of what is forwarded, and leads its bounces back', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    await world.host('rome.test', {
      users: ['dora'],
      aliases: { 'bob@rome.test': ['bob@oslo.test'], 'carol@rome.test': ['carol@oslo.test'] },
      server: { queue: { srs } },
    })
    const oslo = await world.host('oslo.test', {
      users: ['carol'],
      aliases: { 'bob@oslo.test': ['nobody@lima.test'] },
    })
    await world.host('lima.test')
    const senders: string[] = []
    oslo.smtp.on('message:accepted', message => senders.push(message.envelope.sender))
    await paris.queue.send({ from: 'alice@paris.test', to: 'carol@rome.test', text: 'To Carol' })
    await paris.queue.send({ from: 'alice@paris.test', to: 'bob@rome.test', text: 'To Bob' })
    await world.clock.settled()
    const rewritten = expect.stringMatching(/^SRS0=[0-9a-z]{8}=[0-9a-z]{2}=paris\.test=alice@rome\.test$/)
    expect(senders).toEqual([rewritten, rewritten])
    expect(await oslo.inbox('carol')).toHaveLength(1)
    const [bounce] = await paris.inbox('alice')
    expect(bounce?.subject).toBe('Your message could not be delivered')
    expect(bounce?.text).toContain('nobody@lima.test')
  })

  it('leaves the senders of our own domain alone', async () => {
    await using world = createMailWorld()
    const rome = await world.host('rome.test', { users: ['dora'], server: { queue: { srs } } })
    const oslo = await world.host('oslo.test', { users: ['carol'] })
    const senders: string[] = []
    oslo.smtp.on('message:accepted', message => senders.push(message.envelope.sender))
    await rome.queue.send({ from: 'dora@rome.test', to: 'carol@oslo.test', text: 'Hello' })
    await world.clock.settled()
    expect(senders).toEqual(['dora@rome.test'])
  })
})
