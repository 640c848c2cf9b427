import { describe, expect, it } from 'vitest'
import { createAccounts } from '../../src/accounts/static/create-accounts.js'
import type { DeliveryQueueEvents } from '../../src/queue/events.js'
import { createVerp } from '../../src/return-path/create-verp.js'
import { createRouter } from '../../src/routing/create-router.js'
import { createQueueWorld } from './queue-world.js'

const verp = createVerp({ secret: 'a secret of the tests' })
const report = [
  'Content-Type: multipart/report; report-type=delivery-status; boundary=r',
  '',
  '--r',
  'Content-Type: message/delivery-status',
  '',
  'Final-Recipient: rfc822; bob@rome.test',
  'Action: failed',
  'Status: 5.1.1',
  '--r--',
  '',
].join('\r\n')

/** What the app hears of mail that comes to Paris. */
async function heard(raw: string, sender: string, recipient?: string) {
  await using world = await createQueueWorld(undefined, { verp })
  world.queue.useRouter(
    createRouter({
      domains: ['paris.test'],
      verp,
      clock: world.clock,
      accounts: createAccounts({
        users: [{ name: 'carol', password: 'secret', addresses: ['carol@paris.test'] }],
      }),
    }),
  )
  const bounces: DeliveryQueueEvents['bounce:received'][] = []
  world.queue.on('bounce:received', bounce => bounces.push(bounce))
  const signed = verp.encode('carol@paris.test', 'bob@rome.test', world.clock.now())
  await world.queue.send({ raw, envelope: { sender, recipients: [recipient ?? signed] } })
  return bounces
}

describe('mail that comes in', () => {
  it('is a bounce where it is from the null sender and says so', async () => {
    expect(await heard(report, '', 'carol@paris.test')).toMatchObject([
      { sender: 'carol@paris.test', verified: false, dsn: { recipients: [{ status: '5.1.1' }] } },
    ])
    expect(await heard(report, 'eve@rome.test', 'carol@paris.test')).toEqual([])
    expect(await heard('Subject: Away\r\n\r\n', '', 'carol@paris.test')).toEqual([])
  })

  it('is one at a signed return address, whatever it says', async () => {
    const [bounce, ...others] = await heard('Subject: Away\r\n\r\n', '')
    expect(bounce).toMatchObject({ sender: 'carol@paris.test', recipient: 'bob@rome.test', verified: true })
    expect(bounce).not.toHaveProperty('dsn')
    expect(others).toEqual([])
  })
})
