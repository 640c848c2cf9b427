import { expect, it } from 'vitest'
import { createDnsZone } from '../../src/dns/zone/create-dns-zone.js'
import {
  createDeliveryQueue,
  createFunctionTransport,
  createLmtpTransport,
  createMxTransport,
  createRoutedTransport,
  createSmarthostTransport,
  createWebhookTransport,
  eximRules,
  memoryStorage,
  retryByReply,
  storedSuppressionList,
  verifyWebhook,
} from '../../src/index.js'

const hostname = 'mx.example.test'
const secret = 'a secret of sixteen octets or more'
const resolver = createDnsZone()
const getToken = async ({ refresh }: { refresh: boolean }) => (refresh ? 'new' : 'kept')
const tickets: string[] = []

it('chooses the ways of the guide', async () => {
  const provider = createSmarthostTransport({
    hostname,
    servers: [{ host: 'smtp.provider.test' }, { host: 'smtp2.provider.test', port: 465 }],
    auth: { user: 'app', password: 'from your configuration' },
  })
  const workspace = createSmarthostTransport({
    hostname,
    servers: [{ host: 'smtp.workspace.test' }],
    auth: { user: 'app@example.test', token: ({ refresh }) => getToken({ refresh }) },
  })
  const dovecot = createLmtpTransport({ hostname, path: '/run/dovecot/lmtp' })
  const hook = createWebhookTransport({ url: 'https://app.example.test/mail', secret })
  const tracker = createFunctionTransport({
    deliver({ envelope, recipients }) {
      tickets.push(`${envelope.sender} wrote to ${recipients.map(one => one.address).join(', ')}`)
    },
  })
  const world = createMxTransport({ hostname, resolver, localAddress: '192.0.2.25' })

  const transport = createRoutedTransport({
    transports: { provider, workspace, dovecot, hook, tracker, world },
    route({ domain, recipient, attempt }) {
      if (recipient.startsWith('ticket+')) return 'tracker'
      if (domain === 'app.example.test') return 'hook'
      if (domain === 'example.test') return 'dovecot'
      return attempt > 3 ? 'provider' : 'world'
    },
  })

  const retry = retryByReply({
    policy: eximRules({
      rules: `
        *.slow.test   rcpt_4xx   F,1d,1h
        *             quota      F,5d,8h
        *             *          F,2h,15m; G,16h,1h,1.5; F,4d,6h
      `,
    }),
  })

  const storage = memoryStorage()
  const queue = createDeliveryQueue({
    hostname,
    storage,
    transport,
    retry,
    suppression: { addHardBounces: true },
    history: { keep: '7d' },
    hold: [{ recipient: 'rome.test' }],
  })
  const suppressed = storedSuppressionList({ storage })
  await suppressed.add({ address: 'carol@rome.test', reason: 'asked us to stop', addedAt: Date.now() })

  await queue.start()
  await queue.send({ from: 'a@example.test', to: 'ticket+7@example.test', text: 'It is broken' })
  await queue.idle()
  expect(tickets).toEqual(['a@example.test wrote to ticket+7@example.test'])
  expect(await queue.history({ recipient: 'ticket+7@example.test' })).toMatchObject([{ end: 'delivered' }])
  await queue.send({ from: 'a@example.test', to: 'bob@rome.test', text: 'Hello' })
  expect(await queue.statistics()).toMatchObject({ held: 1 })
  await queue.close()
  expect(verifyWebhook({ secret, headers: {}, body: '', now: 0 })).toBe(false)
})
