import { describe, expect, it } from 'vitest'
import { createMailWorld } from './mail-world.js'

describe('loops', () => {
  it('of two hosts that forward to each other end at the second visit, and the sender hears of it', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    const rome = await world.host('rome.test', { aliases: { 'bob@rome.test': ['bob@oslo.test'] } })
    await world.host('oslo.test', { aliases: { 'bob@oslo.test': ['bob@rome.test'] } })
    const refused: string[] = []
    rome.smtp.on('message:rejected', ({ reply }) => refused.push(`${reply.code} ${reply.enhanced}`))
    await paris.queue.send({ from: 'alice@paris.test', to: 'bob@rome.test', text: 'Round and round' })
    await world.clock.settled()
    expect(refused).toEqual(['554 5.4.6'])
    const [bounce, ...more] = await paris.inbox('alice')
    expect(more).toEqual([])
    expect(bounce?.text).toContain('The message went in a circle.')
  })

  it('of reports are not begun: one that fails is answered by nothing, whoever sent it', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    await world.host('rome.test')
    const suppressed: string[] = []
    paris.queue.on('dsn:suppressed', ({ reason }) => suppressed.push(reason))
    const raw =
      'Subject: failed\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b--\r\n'
    const envelope = { sender: 'alice@paris.test', recipients: ['nobody@rome.test'] }
    await paris.queue.send({ raw, envelope })
    await world.clock.settled()
    expect(suppressed).toEqual(['the message is a delivery report itself'])
    expect(await paris.inbox('alice')).toEqual([])
  })

  it('reach no third party: what a stranger sends to nobody is refused, not returned to whom it names', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    const victim = await world.host('oslo.test', { users: ['victim'] })
    const rome = await world.host('rome.test', {
      users: ['bob'],
      server: {
        policies: [
          {
            name: 'no spam',
            message: () => ({ action: 'reject', reply: { code: 554, enhanced: '5.7.1', text: 'No' } }),
          },
        ],
      },
    })
    const told: string[] = []
    rome.queue.on('dsn:sent', ({ to }) => told.push(to))
    rome.queue.on('message:queued', ({ recipients }) => told.push(...recipients))
    // The victim's name on somebody else's mail: sent by Paris without a report to anybody.
    for (const address of ['nobody@rome.test', 'bob@rome.test']) {
      const recipients = [{ address, notify: ['never'] as const }]
      const envelope = { sender: 'victim@oslo.test', recipients }
      await paris.queue.send({ raw: 'Subject: Buy\r\n\r\n', envelope })
    }
    await world.clock.settled()
    expect(await paris.queue.list()).toEqual([])
    expect(told).toEqual([])
    expect(await victim.inbox('victim')).toEqual([])
  })
})
