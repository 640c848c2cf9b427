import { generateKeyPairSync } from 'node:crypto'
import { createTransport } from 'nodemailer'
import { describe, expect, it } from 'vitest'
import { createTestMail, type TestMail } from '../../../src/testing/index.js'
import { send } from '../send.js'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** The message as it arrives, signed by `domain` if one is given. */
async function sent(mail: TestMail, from: string, domain?: string) {
  const after = mail.cursor()
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const dkim = domain && { dkim: { domainName: domain, keySelector: 's1', privateKey: key } }
  const transport = createTransport({ ...mail.smtp.settings, ...dkim })
  const envelope = { from: 'shop@app.test', to: ['a@x.test'] }
  await transport.sendMail({ envelope, from, to: 'a@x.test', subject: 'Hello', text: 'as it was' })
  transport.close()
  return mail.waitForMessage({}, { after })
}

function publishKey(mail: TestMail, domain: string): void {
  const p = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  mail.dns.set(`s1._domainkey.${domain}`, { txt: `v=DKIM1; k=rsa; p=${p}` })
}

describe('SPF', () => {
  it.each([
    [
      'mx',
      { 'app.test': { txt: 'v=spf1 mx -all', mx: 'mx.app.test' }, 'mx.app.test': { a: '127.0.0.1' } },
      'pass',
    ],
    [
      'the wrong mx',
      { 'app.test': { txt: 'v=spf1 mx -all', mx: 'mx.app.test' }, 'mx.app.test': { a: '192.0.2.1' } },
      'fail',
    ],
    ['a', { 'app.test': { txt: 'v=spf1 a ~all', a: '192.0.2.1' } }, 'softfail'],
    [
      'include',
      {
        'app.test': { txt: 'v=spf1 include:_spf.esp.test -all' },
        '_spf.esp.test': { txt: 'v=spf1 ip4:127.0.0.1 -all' },
      },
      'pass',
    ],
    [
      'an include that is not there',
      { 'app.test': { txt: 'v=spf1 include:_spf.esp.test -all' } },
      'permerror',
    ],
    [
      'redirect',
      { 'app.test': { txt: 'v=spf1 redirect=_spf.esp.test' }, '_spf.esp.test': { txt: 'v=spf1 ?all' } },
      'neutral',
    ],
  ] as const)('by %s', async (_how, records, result) => {
    await using mail = await createTestMail()
    for (const [name, entry] of Object.entries(records)) mail.dns.set(name, entry)
    const { spf } = await (await sent(mail, 'shop@app.test')).verdicts()
    expect(spf).toMatchObject({ result, domain: 'app.test' })
  })

  it('is not known while DNS fails, and so is DKIM', async () => {
    await using mail = await createTestMail()
    const message = await sent(mail, 'shop@app.test', 'app.test')
    mail.dns.fail('app.test', 'servfail', 'TXT')
    mail.dns.fail('s1._domainkey.app.test', 'servfail', 'TXT')
    const { spf, dkim } = await message.verdicts()
    expect([spf.result, dkim[0]?.result]).toEqual(['temperror', 'temperror'])
  })
})

describe('DKIM', () => {
  it.each([
    ['a header', 'Hello', 'fail', 'bad signature'],
    ['a text', 'as it was', 'neutral', 'body hash did not verify'],
  ])('does not pass for %s that was changed', async (_what, changed, result, reason) => {
    await using mail = await createTestMail()
    publishKey(mail, 'app.test')
    const original = await sent(mail, 'shop@app.test', 'app.test')
    expect((await original.verdicts()).dkim).toMatchObject([{ result: 'pass' }])
    const after = mail.cursor()
    const raw = original.raw.toString('latin1').replace(changed, 'forged')
    await send(mail, { envelope: { from: 'shop@app.test', to: ['a@x.test'] }, raw })
    const { dkim } = await (await mail.waitForMessage({}, { after })).verdicts()
    expect(dkim).toMatchObject([{ result, reason, domain: 'app.test', selector: 's1' }])
  })

  it('does not pass by a key that is not there', async () => {
    await using mail = await createTestMail()
    const message = await sent(mail, 'shop@app.test', 'app.test')
    expect((await message.verdicts()).dkim).toMatchObject([{ result: 'neutral', reason: 'no key' }])
  })
})

describe('DMARC', () => {
  it('fails where what passed is of another domain than From', async () => {
    await using mail = await createTestMail()
    mail.dns.set('app.test', { txt: 'v=spf1 ip4:127.0.0.1 -all' })
    mail.dns.set('_dmarc.other.test', { txt: 'v=DMARC1; p=quarantine' })
    publishKey(mail, 'app.test')
    const { spf, dkim, dmarc } = await (await sent(mail, 'ann@other.test', 'app.test')).verdicts()
    expect([spf.result, dkim[0]?.result]).toEqual(['pass', 'pass'])
    expect(dmarc).toMatchObject({
      result: 'fail',
      domain: 'other.test',
      policy: 'quarantine',
      aligned: { spf: false, dkim: false },
    })
  })

  it.each([
    ['relaxed', '', 'news.app.test', true, true],
    ['strict for SPF', 'aspf=s', 'news.app.test', false, true],
    ['strict for both', 'aspf=s; adkim=s', 'news.app.test', false, false],
    ['strict for both', 'aspf=s; adkim=s', 'app.test', true, true],
  ])('is %s, where the domain asks for it (RFC 7489 §3.1)', async (_what, asked, from, spf, dkim) => {
    await using mail = await createTestMail()
    publishKey(mail, 'app.test')
    mail.dns.set('app.test', { txt: 'v=spf1 ip4:127.0.0.1 -all' })
    mail.dns.set('_dmarc.app.test', { txt: `v=DMARC1; p=reject; ${asked}` })
    const { dmarc } = await (await sent(mail, `ann@${from}`, 'app.test')).verdicts()
    const result = spf || dkim ? 'pass' : 'fail'
    expect(dmarc).toMatchObject({ result, policy: 'reject', aligned: { spf, dkim } })
  })
})
