import { describe, expect, it } from 'vitest'
import { createSmarthostTransport } from '../../src/index.js'
import { bytesSource, readAll } from '../../src/message/sources.js'
import { createTestInternet, type ScriptedHost, type TestInternet } from '../../src/testing/index.js'

/** Does something to the internet, or to `mx.rome.test` in it. */
type Deed = (internet: TestInternet, rome: ScriptedHost) => unknown

/** The rules that a letter to `rome.test` arrived by, before and after something is mended, and what its sender was told. */
async function journey(publish: Deed, mend: Deed = () => {}, hours = 1) {
  await using internet = createTestInternet({ seed: 1 })
  const paris = await internet.server('paris.test', { users: ['alice'] })
  const rome = internet.host('mx.rome.test')
  await publish(internet, rome)
  const rules: unknown[] = []
  paris.queue.on('recipient:delivered', ({ recipient, attempt }) => {
    if (recipient === 'bob@rome.test') rules.push(attempt.tlsRule)
  })
  await paris.queue.send({ from: 'alice@paris.test', to: 'bob@rome.test', text: 'How are you?' })
  await internet.clock.advance('1h')
  const [before = 'waits'] = rules
  await mend(internet, rome)
  await internet.clock.advance(`${hours}h`)
  const told = (await paris.inbox('alice')).map(message => message.text ?? '')
  return { before, after: rules, received: rome.messages.length, told }
}

const sts =
  (mode: 'enforce' | 'testing' | 'none', ...mx: string[]): Deed =>
  internet =>
    internet.mtaSts('rome.test', { mode, mx })
const dane: Deed = internet => internet.dane('mx.rome.test')
const stolen: Deed = (_, rome) => rome.breakCertificate('self-signed')
const given: Deed = (_, rome) => rome.breakCertificate(undefined)
const all =
  (...deeds: Deed[]): Deed =>
  async (internet, rome) => {
    for (const deed of deeds) await deed(internet, rome)
  }

describe('a letter to a domain that says how it is to be reached', () => {
  it.each<[string, { publish: Deed; before: string; mend?: Deed; after: string }]>([
    ['nothing is published', { publish: stolen, before: 'opportunistic', after: 'opportunistic' }],
    ['DANE', { publish: dane, before: 'dane', after: 'dane' }],
    ['DANE, another key', { publish: all(dane, stolen), before: 'waits', mend: given, after: 'dane' }],
    [
      'DANE, records that cannot be had',
      {
        publish: all(dane, internet => internet.dns.fail('_25._tcp.mx.rome.test', 'servfail')),
        before: 'waits',
        mend: internet => internet.dns.recover('_25._tcp.mx.rome.test'),
        after: 'dane',
      },
    ],
    ['MTA-STS', { publish: sts('enforce', '*.rome.test'), before: 'mta-sts', after: 'mta-sts' }],
    [
      'MTA-STS, no trusted certificate',
      {
        publish: all(sts('enforce', 'mx.rome.test'), stolen),
        before: 'waits',
        mend: given,
        after: 'mta-sts',
      },
    ],
    [
      'MTA-STS, another host',
      {
        publish: sts('enforce', 'mx2.rome.test'),
        before: 'waits',
        mend: sts('enforce', 'mx.rome.test'),
        after: 'mta-sts',
      },
    ],
    [
      'MTA-STS in testing, no trusted certificate',
      {
        publish: all(sts('testing', 'mx.rome.test'), stolen),
        before: 'mta-sts-testing',
        after: 'mta-sts-testing',
      },
    ],
    [
      'DANE before MTA-STS',
      { publish: all(dane, sts('enforce', 'mx2.rome.test')), before: 'dane', after: 'dane' },
    ],
  ])('%s', async (_, { publish, before, mend, after }) => {
    expect(await journey(publish, mend)).toEqual({ before, after: [after], received: 1, told: [] })
  })

  it.each([
    ['DANE', dane],
    ['MTA-STS', sts('enforce', 'mx.rome.test')],
  ])('%s: is returned when that stays impossible', async (_, publish) => {
    const { after, received, told } = await journey(all(publish, stolen), undefined, 30)
    expect([after, received]).toEqual([[], 0])
    expect(told.map(text => /TLS is required but failed/.test(text))).toEqual([true, true])
  })
})

describe('a letter that must stay encrypted (RFC 8689), from the client to its end', () => {
  /** Submits it to the server of `paris.test` by STARTTLS and with a login, as a mail program would. */
  async function submit(internet: TestInternet) {
    const { hostname, ...place } = internet.attach('laptop.paris.test')
    const client = createSmarthostTransport({
      hostname,
      servers: [{ host: 'mx.paris.test' }],
      auth: { user: 'alice', password: 'alice-password' },
      tlsOptions: { ca: internet.ca },
      clock: place.clock,
      network: place.network,
      resolver: place.resolver,
    })
    const raw = 'From: alice@paris.test\r\nSubject: Secret\r\n\r\nthe body of the letter\r\n'
    const outcomes = await client.deliver(
      {
        traceId: 'client',
        destination: 'rome.test',
        envelope: { sender: 'alice@paris.test', requireTls: true, ret: 'full' },
        recipients: [{ address: 'bob@rome.test' }],
        message: bytesSource(raw),
        attempt: 1,
      },
      new AbortController().signal,
    )
    await client.close()
    expect(outcomes).toMatchObject([{ status: 'delivered', tls: expect.stringContaining('TLS') }])
    await internet.clock.settled()
  }

  it('goes on to a proven server that offers it too', async () => {
    await using internet = createTestInternet({ seed: 1 })
    const paris = await internet.server('paris.test', { users: ['alice'] })
    const asked: unknown[] = []
    const look = {
      name: 'look',
      mail: (_: unknown, { requireTls }: { requireTls?: boolean }) => void asked.push(requireTls),
    }
    const rome = await internet.server('rome.test', { users: ['bob'], server: { policies: [look] } })
    internet.dane('mx.rome.test')
    await submit(internet)
    expect(asked).toEqual([true])
    expect(await rome.inbox('bob')).toMatchObject([{ subject: 'Secret' }])
    expect(await paris.inbox('alice')).toEqual([])
  })

  it.each<[string, Deed, string, number]>([
    ['offers no REQUIRETLS', dane, '5.7.30', 1],
    ['is vouched for by nobody', () => {}, '5.7.10', 0],
    ['is not who it should be', all(dane, stolen), '5.7.10', 1],
  ])('comes back when the next server %s, without its body', async (_, publish, status, connections) => {
    await using internet = createTestInternet({ seed: 1 })
    const paris = await internet.server('paris.test', { users: ['alice'] })
    const rome = internet.host('mx.rome.test', { extensions: ['STARTTLS', 'PIPELINING'] })
    await publish(internet, rome)
    await submit(internet)
    expect([rome.messages.length, rome.connections.length]).toEqual([0, connections])
    const [bounce, ...more] = await paris.inbox('alice')
    expect(more).toEqual([])
    const mailbox = await paris.store.mailbox('alice')
    const [record] = await mailbox.list()
    const text = record ? (await readAll(await mailbox.open(record))).toString() : ''
    expect(bounce?.text).toContain('may only travel encrypted')
    expect(text).toMatch(new RegExp(`^Status: ${status.replaceAll('.', '\\.')}\\r$`, 'm'))
    expect(text).toContain('Subject: Secret')
    expect(text).not.toContain('the body of the letter')
  })
})
