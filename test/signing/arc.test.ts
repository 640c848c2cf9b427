import { describe, expect, it } from 'vitest'
import { createDnsZone } from '../../src/dns/zone/create-dns-zone.js'
import { bytesSource, concatSources, readAll } from '../../src/message/sources.js'
import { createArcSealer } from '../../src/signing/create-arc-sealer.js'
import { createDkimSigner } from '../../src/signing/create-dkim-signer.js'
import type { ArcSealerOptions } from '../../src/signing/options.js'
import { describeWith } from '../testing-tools/tools.js'
import { dkimRecords, ed25519Key, rsaKey } from './dkim-keys.js'
import { dkimpy, verifyWithDkimpy } from './dkimpy.js'

const records = dkimRecords('paris.test', 'rome.test', 'oslo.test')
const resolver = createDnsZone(
  Object.fromEntries(Object.entries(records).map(([name, txt]) => [name, { txt: [txt] }])),
)
const letter =
  'From: alice@paris.test\r\nTo: bob@rome.test\r\nSubject: Hello\r\nDate: x\r\n\r\nHow are you?\r\n'
const about = {
  traceId: 't',
  envelope: { sender: 'alice@paris.test', recipients: [{ address: 'bob@rome.test' }] },
  now: Date.now(),
}

/** Puts what a signer gives on top of a message. */
async function seal(text: string, domain: string, options: Partial<ArcSealerOptions> = {}, ours = false) {
  const hostname = `mx.${domain}`
  const sealer = createArcSealer({
    domain,
    selector: 'rsa',
    privateKey: rsaKey,
    hostname,
    resolver,
    ...options,
  })
  const message = bytesSource(text)
  const fields = await sealer.sign(message, { ...about, ours })
  return String(await readAll(concatSources([bytesSource(Buffer.from(fields, 'latin1')), message])))
}

async function signed(text: string) {
  const signer = createDkimSigner({
    keys: [{ domain: 'paris.test', selector: 'ed', privateKey: ed25519Key }],
  })
  return (await signer.sign(bytesSource(text), { ...about, ours: true })) + text
}

const arcOf = (text: string) => verifyWithDkimpy(Buffer.from(text), records, 'arc').arc

describeWith([dkimpy], 'dkimpy', () => {
  it('verifies the chain of two forwarders, and what each of them knew', async () => {
    const first = await seal(await signed(letter), 'rome.test')
    expect(first).toMatch(/^ARC-Seal: i=1;/)
    expect(first).toMatch(/ARC-Authentication-Results: i=1; mx\.rome\.test;\s+dkim=pass/)
    expect(arcOf(first)?.[0]).toBe('pass')
    const second = await seal(first, 'oslo.test')
    expect(second).toMatch(/^ARC-Seal: i=2;[^:]*cv=pass/)
    expect(arcOf(second)?.[0]).toBe('pass')
    expect(arcOf(second.replace('How are you', 'Who are you'))?.[0]).toBe('fail')
  })

  it('verifies what this server knew in UTF-8', async () => {
    const results = 'Authentication-Results: mx.rome.test; spf=pass smtp.mailfrom=jörg数@paris.test\r\n'
    const sealed = await seal(results + letter, 'rome.test')
    expect(sealed).toMatch(/^ARC-Authentication-Results: i=1; .*jörg数@paris\.test/m)
    expect(arcOf(sealed)?.[0]).toBe('pass')
  })
})

describe('a seal', () => {
  it('tells what this server found when it took the message, not what others wrote there', async () => {
    const results = 'Authentication-Results: mx.rome.test; spf=pass smtp.mailfrom=alice@paris.test\r\n'
    expect(await seal(results + letter, 'rome.test')).toMatch(
      /^ARC-Authentication-Results: i=1; mx\.rome\.test; spf=pass smtp/m,
    )
    const received = 'Received: from eve.test by mx.rome.test; Thu, 1 Jan 2026 08:00:00 +0000\r\n'
    expect(await seal(results + received + letter, 'rome.test')).toMatch(
      /^ARC-Authentication-Results: .*spf=pass/m,
    )
    const forged = await seal(received + results + letter, 'rome.test')
    expect(forged).toMatch(/^ARC-Seal: i=1;/)
    expect(forged).not.toMatch(/^ARC-Authentication-Results: [^:]*spf=pass/m)
    const foreign = await seal(results.replace('rome', 'lima') + letter, 'rome.test')
    expect(foreign).not.toMatch(/^ARC-Authentication-Results: .*spf=pass/m)
  })

  it('is not put on mail of our own, nor where the DNS is silent', async () => {
    expect(await seal(letter, 'rome.test', {}, true)).toBe(letter)
    const first = await seal(letter, 'rome.test')
    const detail = 'nobody answers'
    const silent = {
      ...resolver,
      txt: async () => ({ status: 'temporary-failure', reason: 'timeout', detail }),
    }
    expect(await seal(first, 'oslo.test', { resolver: silent as never })).toBe(first)
  })

  it('is not put on a chain that failed before (RFC 8617 §5.1), nor on what cannot be read, of which the logger hears', async () => {
    const warnings: object[] = []
    const silent = () => undefined
    const logger = {
      debug: silent,
      info: silent,
      error: silent,
      warn: (about: object) => warnings.push(about),
    }
    const first = await seal(letter, 'rome.test')
    const failed = await seal(first.replace('How are you', 'Who are you'), 'oslo.test', { logger })
    expect(failed).toMatch(/^ARC-Seal: i=2;[^:]*cv=fail/)
    expect(await seal(failed, 'paris.test', { logger })).toBe(failed)
    expect(warnings).toEqual([])
    const error = new Error('no disk')
    const broken = {
      size: 9,
      open: () => {
        throw error
      },
    }
    const options = { domain: 'rome.test', selector: 'rsa', privateKey: rsaKey, hostname: 'mx.rome.test' }
    const sealer = createArcSealer({ ...options, resolver, logger: logger as never })
    expect(await sealer.sign(broken, { ...about, ours: false })).toBe('')
    expect(warnings).toMatchObject([{ traceId: 't', error: { message: 'no disk' } }])
  })

  it('wants an RSA key', () => {
    const options = { domain: 'rome.test', selector: 'x', hostname: 'mx.rome.test', resolver }
    expect(() => createArcSealer({ ...options, privateKey: ed25519Key })).toThrow(
      /privateKey: expected an RSA key/,
    )
  })
})
