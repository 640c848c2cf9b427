import { expect, it } from 'vitest'
import { createDeliveryQueue, createDnsResolver, memoryStorage } from '../../../src/index.js'

it('the options that the guide to TLS shows are taken', async () => {
  const storage = memoryStorage()
  const resolver = createDnsResolver({ servers: ['127.0.0.1'], trustAd: true })
  const queue = createDeliveryQueue({
    hostname: 'mx.example.test',
    storage,
    resolver,
    delivery: {
      tls: { 'partner.test': 'verified', '*.internal.test': 'none' },
    },
    tlsReports: { organization: 'Example', contact: 'tls@example.test' },
  })
  queue.on('recipient:delivered', ({ recipient, attempt }) => {
    // bob@rome.test TLSv1.3 TLS_AES_256_GCM_SHA384 dane dane
    log(recipient, attempt.tls, attempt.tlsRule, attempt.tlsVerified)
  })
  expect(queue.hostname).toBe('mx.example.test')
  await queue.close()
  await resolver.close()
})

function log(..._fields: unknown[]): void {}
