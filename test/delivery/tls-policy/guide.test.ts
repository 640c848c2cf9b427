import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createDeliveryQueue, createDnsResolver, fileStsCache } from '../../../src/index.js'

it('the options that the guide to TLS shows are taken', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-guide-'))
  const path = join(folder, 'mta-sts')
  try {
    const resolver = createDnsResolver({ servers: ['127.0.0.1'], trustAd: true })
    const queue = createDeliveryQueue({
      hostname: 'mx.example.test',
      resolver,
      delivery: {
        tls: { 'partner.test': 'verified', '*.internal.test': 'none' },
        mtaSts: { cache: fileStsCache({ path }) },
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
  } finally {
    await rm(folder, { recursive: true })
  }
})

function log(..._fields: unknown[]): void {}
