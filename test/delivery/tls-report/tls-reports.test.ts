import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { noPolicy, type TlsResult } from '../../../src/delivery/tls-policy/host-tls.js'
import {
  createTlsReports,
  type TlsReportsOptions,
} from '../../../src/delivery/tls-report/create-tls-reports.js'
import { readReportUris } from '../../../src/delivery/tls-report/report-uris.js'
import { TlsTally } from '../../../src/delivery/tls-report/tls-tally.js'
import { createDnsZone } from '../../../src/dns/zone/create-dns-zone.js'
import { bytesSource } from '../../../src/message/sources.js'
import { createDeliveryQueue } from '../../../src/queue/create-delivery-queue.js'
import { createDkimSigner } from '../../../src/signing/create-dkim-signer.js'
import { memoryStorage } from '../../../src/storage/memory/memory-storage.js'
import { createTestInternet, type ScriptedHost, type TestInternet } from '../../../src/testing/index.js'
import { testTls } from '../../fixtures/tls.js'
import { ed25519Key } from '../../signing/dkim-keys.js'
import { createOutsideWorld } from '../outside-world.js'
import { createPolicySite } from '../tls-policy/policy-site.js'

/** Reports of a host, and what it sends. */
async function reportingWorld(options: Partial<TlsReportsOptions> = {}) {
  const world = await createOutsideWorld()
  const mails: string[] = []
  const storage = options.storage ?? memoryStorage()
  const begin = () =>
    createTlsReports({
      hostname: 'mx.paris.test',
      resolver: world.zone,
      clock: world.clock,
      network: world.outside,
      send: async ({ raw }) => mails.push(raw),
      ...options,
      storage,
    })
  const reports = begin()
  world.zone.set('_smtp._tls.rome.test', { txt: 'v=TLSRPTv1; rua=mailto:tls@reports.test' })
  return Object.assign(world, { begin, reports, mails, storage })
}

type ReportingWorld = Awaited<ReturnType<typeof reportingWorld>>

const success: TlsResult = {
  domain: 'rome.test',
  policy: { type: 'sts', strings: ['version: STSv1', 'mode: testing'], mxHosts: ['*.rome.test'] },
  host: 'mx.rome.test',
  address: '192.0.2.10',
  localAddress: '192.0.2.1',
}
const failure: TlsResult = {
  ...success,
  problem: { kind: 'certificate-expired', reason: 'the certificate is out of date' },
}

/** The JSON in a report by mail. */
function reportIn(mail = '') {
  const base64 = /application\/tlsrpt\+gzip\r\n(?:.+\r\n)*\r\n((?:[\w+/=]+\r\n)+)/.exec(mail)?.[1] ?? ''
  return JSON.parse(gunzipSync(Buffer.from(base64, 'base64')).toString())
}

describe('a TLS report (RFC 8460)', () => {
  it('tells of a day what RFC 8460 §4.4 asks for', async () => {
    await using world = await reportingWorld({ organization: 'Paris Post', contact: 'tls@paris.test' })
    for (const result of [success, success, failure]) world.reports.record(result)
    await world.clock.advance('23h')
    expect(world.mails).toHaveLength(0)
    await world.clock.advance('6h')
    expect(reportIn(world.mails[0])).toEqual({
      'organization-name': 'Paris Post',
      'date-range': { 'start-datetime': '2026-01-01T00:00:00Z', 'end-datetime': '2026-01-01T23:59:59Z' },
      'contact-info': 'tls@paris.test',
      'report-id': '2026-01-01.rome.test@mx.paris.test',
      policies: [
        {
          policy: {
            'policy-type': 'sts',
            'policy-string': ['version: STSv1', 'mode: testing'],
            'policy-domain': 'rome.test',
            'mx-host': ['*.rome.test'],
          },
          summary: { 'total-successful-session-count': 2, 'total-failure-session-count': 1 },
          'failure-details': [
            {
              'result-type': 'certificate-expired',
              'sending-mta-ip': '192.0.2.1',
              'receiving-mx-hostname': 'mx.rome.test',
              'receiving-ip': '192.0.2.10',
              'failed-session-count': 1,
              'failure-reason-code': 'the certificate is out of date',
            },
          ],
        },
      ],
    })
  })

  it('is a message as §5.3 has it, which does without TLS', async () => {
    await using world = await reportingWorld()
    world.reports.record(success)
    await world.clock.advance('29h')
    const [mail = ''] = world.mails
    expect(mail).toMatch(/^Content-Type: multipart\/report; report-type="tlsrpt"; boundary=/m)
    for (const field of [
      'To: tls@reports.test',
      'TLS-Report-Domain: rome.test',
      'TLS-Report-Submitter: mx.paris.test',
      'TLS-Required: No',
    ]) {
      expect(mail).toContain(`\r\n${field}\r\n`)
    }
    expect(Math.max(...mail.split('\r\n').map(line => line.length))).toBeLessThan(200)
    expect(mail).toMatch(/\r\n\r\n[\w+/]{76}\r\n/)
    // The id is the msg-id of RFC 5322, whose left side knows no colon.
    const subject =
      /^Subject: Report Domain: rome\.test\r\n Submitter: mx\.paris\.test\r\n Report-ID: <[\w.-]+@mx\.paris\.test>\r\n/m
    expect(mail).toMatch(subject)
    const [start, end] = [Date.UTC(2026, 0, 1) / 1000, Date.UTC(2026, 0, 2) / 1000 - 1]
    expect(mail).toContain(`filename="mx.paris.test!rome.test!${start}!${end}.json.gz"`)
  })

  it('is covered by a signature with all that tells of it (§5.3)', async () => {
    await using world = await reportingWorld()
    world.reports.record(success)
    await world.clock.advance('29h')
    const message = bytesSource(world.mails[0] ?? '')
    const signer = createDkimSigner({
      keys: [{ domain: 'paris.test', selector: 'ed', privateKey: ed25519Key }],
    })
    const envelope = { sender: 'postmaster@mx.paris.test', recipients: [] }
    const fields = await signer.sign(message, { traceId: 't', envelope, ours: true, now: 0 })
    const [, signed = ''] = /\bh=([^;]*)/.exec(fields.replace(/\s/g, '')) ?? []
    expect(signed.split(':')).toEqual(
      expect.arrayContaining([
        'from',
        'subject',
        'tls-required',
        'tls-report-domain',
        'tls-report-submitter',
      ]),
    )
  })

  it('is one a day and domain, and none for a domain that wants none', async () => {
    await using world = await reportingWorld()
    world.reports.record(success)
    world.reports.record({ ...success, domain: 'milan.test' })
    await world.clock.advance('25h')
    world.reports.record(success)
    await world.clock.advance('30h')
    expect(world.mails.map(mail => reportIn(mail)['date-range']['start-datetime'])).toEqual([
      '2026-01-01T00:00:00Z',
      '2026-01-02T00:00:00Z',
    ])
    await world.clock.advance('72h')
    expect(world.mails).toHaveLength(2)
  })

  it('is posted where an https URL is asked for, whatever the certificate', async () => {
    await using world = await reportingWorld()
    const place = world.network.host('192.0.2.77')
    const site = await createPolicySite(place, '192.0.2.77', { body: 'thanks', status: 201 }, testTls)
    world.zone.set('in.reports.test', { a: '192.0.2.77' })
    const txt = 'v=TLSRPTv1;rua=https://in.reports.test/v1?a=b,mailto:tls@reports.test'
    world.zone.set('_smtp._tls.rome.test', { txt })
    world.reports.record(failure)
    await world.clock.advance('29h')
    const request = site.requests[0] ?? Buffer.alloc(0)
    const end = request.indexOf('\r\n\r\n')
    const head = request.subarray(0, end).toString()
    expect(head).toMatch(/^POST \/v1\?a=b HTTP\/1\.1\r\n/)
    expect(head).toMatch(/content-type: application\/tlsrpt\+gzip/i)
    expect(JSON.parse(gunzipSync(request.subarray(end + 4)).toString())).toEqual(reportIn(world.mails[0]))
    await site.close()
  })

  it('is posted to the port that the URL names, and tells it with the host (RFC 9110 §7.2)', async () => {
    await using world = await reportingWorld()
    const place = world.network.host('192.0.2.77')
    const site = await createPolicySite(place, '192.0.2.77', { body: 'thanks' }, testTls, 8443)
    world.zone.set('in.reports.test', { a: '192.0.2.77' })
    world.zone.set('_smtp._tls.rome.test', { txt: 'v=TLSRPTv1;rua=https://in.reports.test:8443/' })
    world.reports.record(failure)
    await world.clock.advance('29h')
    expect(site.requests.join()).toMatch(/^host: in\.reports\.test:8443\r$/im)
    await site.close()
  })

  it('tells of DANE as of the host that has the TLSA records (§1.1), each by itself', async () => {
    await using world = await reportingWorld()
    const records = ['3 1 1 00']
    for (const host of ['mx1.rome.test', 'mx2.rome.test']) {
      const policy = { type: 'tlsa', strings: records, domain: host, mxHosts: [host] } as const
      world.reports.record({ ...success, host, policy })
    }
    await world.clock.advance('29h')
    const { policies } = reportIn(world.mails[0])
    expect(policies.map((one: { policy: object }) => one.policy)).toEqual(
      expect.arrayContaining(
        ['mx1.rome.test', 'mx2.rome.test'].map(host => ({
          'policy-type': 'tlsa',
          'policy-string': records,
          'policy-domain': host,
          'mx-host': [host],
        })),
      ),
    )
  })

  it('is not sent of nothing but a policy that could not be fetched: its own mail would ask for the next', async () => {
    await using world = await reportingWorld()
    const policy = { type: 'sts', strings: [], mxHosts: [] } as const
    const problem = { kind: 'sts-policy-fetch-error', reason: 'gone' } as const
    world.reports.record({ domain: 'rome.test', policy, problem })
    world.zone.set('_smtp._tls.milan.test', { txt: 'v=TLSRPTv1; rua=mailto:tls@reports.test' })
    world.reports.record({ domain: 'milan.test', policy, problem })
    world.reports.record({ domain: 'milan.test', policy: noPolicy, host: 'mx.milan.test' })
    await world.clock.advance('29h')
    expect(world.mails.map(mail => reportIn(mail).policies)).toMatchObject([
      expect.arrayContaining([
        expect.objectContaining({
          policy: { 'policy-type': 'sts', 'policy-domain': 'milan.test' },
          'failure-details': [expect.objectContaining({ 'result-type': 'sts-policy-fetch-error' })],
        }),
      ]),
    ])
  })

  it('that cannot be sent keeps no other from leaving', async () => {
    await using world = await reportingWorld()
    world.zone.set('_smtp._tls.milan.test', { txt: 'v=TLSRPTv1; rua=https://nowhere.test/' })
    world.reports.record({ ...success, domain: 'milan.test' })
    world.reports.record(success)
    await world.clock.advance('30h')
    expect(world.mails).toHaveLength(1)
  })

  it('does not grow without end', async () => {
    await using world = await reportingWorld()
    for (let index = 0; index < 1_000; index++) {
      world.reports.record({ ...failure, address: `192.0.2.${index}` })
    }
    await world.clock.advance('29h')
    const [policy] = reportIn(world.mails[0]).policies
    expect(policy.summary['total-failure-session-count']).toBe(1_000)
    expect(policy['failure-details']).toHaveLength(100)
  })

  it('tells kinds of failures apart by what happened, where, and from where', async () => {
    await using world = await reportingWorld()
    const other = { kind: 'certificate-not-trusted', reason: 'unknown issuer' } as const
    const kinds = [
      {},
      { problem: other },
      { host: 'mx2.rome.test' },
      { address: '192.0.2.11' },
      { localAddress: '192.0.2.2' },
    ]
    for (const kind of [...kinds, ...kinds]) world.reports.record({ ...failure, ...kind })
    await world.clock.advance('29h')
    const [policy] = reportIn(world.mails[0]).policies
    expect(policy['failure-details'].map((one: object) => Object.values(one))).toHaveLength(kinds.length)
    expect(
      policy['failure-details'].map((one: Record<string, unknown>) => one['failed-session-count']),
    ).toEqual(kinds.map(() => 2))
  })

  it.each([
    ['20 policies', 15, 0, 20, 0],
    ['100 kinds of failures of a policy', 0, 80, 1, 100],
  ])('has %s at most, however many processes counted', async (_, policies, failures, most, mostDetails) => {
    await using world = await reportingWorld()
    const second = world.begin()
    for (const [index, reports] of [world.reports, second].entries()) {
      for (let one = 0; one < policies; one++) {
        const policy = { type: 'tlsa', strings: [`${index} ${one}`], mxHosts: [] } as const
        reports.record({ ...success, policy })
      }
      for (let one = 0; one < failures; one++)
        reports.record({ ...failure, address: `192.0.${index}.${one}` })
    }
    await world.clock.advance('29h')
    const reported = reportIn(world.mails[0]).policies
    expect(reported).toHaveLength(most)
    expect(reported[0]['failure-details'] ?? []).toHaveLength(mostDetails)
    expect(reported[0].summary['total-failure-session-count']).toBe(2 * failures)
    await second.close()
  })

  it('is counted in bounded memory', () => {
    const tally = new TlsTally()
    for (let one = 0; one < 30; one++)
      tally.add({ ...success, policy: { ...success.policy, strings: [String(one)] } })
    expect([...tally]).toHaveLength(20)
    for (let one = 0; one < 10_000; one++) tally.add({ ...success, domain: `d${one}.test` })
    expect([...tally]).toHaveLength(20 + 9_999)
  })

  it('is stored as what came since the last time, for three days', async () => {
    const storage = memoryStorage()
    const added: [number, number | undefined][] = []
    const add = storage.records.add.bind(storage.records)
    storage.records.add = (record, count) => {
      added.push([count, record.expiresAt])
      return add(record, count)
    }
    await using world = await reportingWorld({ storage })
    const end = Date.UTC(2026, 0, 4)
    world.reports.record(success)
    await world.clock.advance('61s')
    world.reports.record(failure)
    await world.clock.advance('61s')
    expect(added).toEqual([
      [1, end],
      [1, end],
    ])
  })

  it('is not sent any more once closed, but by the next process', async () => {
    await using world = await reportingWorld()
    world.reports.record(success)
    await world.reports.close()
    world.reports.record(success)
    await world.clock.advance('30h')
    expect(world.mails).toHaveLength(0)
    const next = world.begin()
    await world.clock.advance('2m')
    expect(reportIn(world.mails[0])).toMatchObject({
      'date-range': { 'start-datetime': '2026-01-01T00:00:00Z' },
      policies: [{ summary: { 'total-successful-session-count': 1 } }],
    })
    await next.close()
    expect(await world.storage.records.list('tls-report')).toEqual([])
  })

  it('has what all processes counted, one that died too, and is sent by one of them', async () => {
    await using world = await reportingWorld()
    const [second, third] = [world.begin(), world.begin()]
    for (const reports of [world.reports, second, third]) {
      reports.record(success)
      reports.record(failure)
    }
    await world.clock.advance('61s')
    world.reports.record(failure)
    // What is closed and what is dead differ by the last minute only.
    await Promise.all([world.reports.close(), second.close()])
    await world.clock.advance('30h')
    expect(world.mails).toHaveLength(1)
    expect(reportIn(world.mails[0]).policies).toMatchObject([
      {
        summary: { 'total-successful-session-count': 3, 'total-failure-session-count': 4 },
        'failure-details': [{ 'failed-session-count': 4 }],
      },
    ])
    await third.close()
  })

  it('is tried again for a day where nobody took it, at growing intervals (§5.5), and then no more', async () => {
    const tries: number[] = []
    await using world = await reportingWorld({
      random: () => 0,
      send: async () => {
        tries.push(world.clock.now())
        throw new Error('the disk is full')
      },
    })
    world.reports.record(success)
    await world.clock.advance('96h')
    const [first = 0] = tries
    expect(tries.map(time => (time - first) / 3_600_000)).toEqual([0, 1, 3, 7, 15, 24])
    expect(await world.storage.records.list('tls-report')).toEqual([])
  })

  it('is posted within the day once its receiver answers, and others are not sent again', async () => {
    await using world = await reportingWorld({ random: () => 0 })
    const place = world.network.host('192.0.2.77')
    world.zone.set('in.reports.test', { a: '192.0.2.77' })
    world.zone.set('_smtp._tls.milan.test', { txt: 'v=TLSRPTv1; rua=https://in.reports.test/' })
    world.reports.record({ ...success, domain: 'milan.test' })
    world.reports.record(success)
    await world.clock.advance(24.5 * 3_600_000)
    const site = await createPolicySite(place, '192.0.2.77', { body: 'thanks', status: 201 }, testTls)
    await world.clock.advance('1h')
    expect(site.requests).toHaveLength(1)
    expect(world.mails).toHaveLength(1)
    expect(await world.storage.records.list('tls-report')).toEqual([])
    await site.close()
  })

  it('is tried anew the next day as if nothing had failed before', async () => {
    const tries: number[] = []
    await using world = await reportingWorld({
      random: () => 0,
      send: async () => {
        tries.push(world.clock.now())
        throw new Error('the disk is full')
      },
    })
    world.reports.record(success)
    await world.clock.advance('30h')
    world.reports.record(success)
    await world.clock.advance('96h')
    const [first = 0] = tries
    const hours = tries.map(time => (time - first) / 3_600_000)
    expect(hours).toEqual([0, 1, 3, 7, 15, 24, 24, 25, 27, 31, 39, 48])
  })

  it('waits until it is known where to, and for a site that takes it', async () => {
    await using world = await reportingWorld({ random: () => 0 })
    const place = world.network.host('192.0.2.77')
    const site = await createPolicySite(place, '192.0.2.77', { body: 'moved', status: 302 }, testTls)
    world.zone.set('in.reports.test', { a: '192.0.2.77' })
    world.zone.set('_smtp._tls.milan.test', { txt: 'v=TLSRPTv1; rua=https://in.reports.test/' })
    world.zone.fail('_smtp._tls.rome.test', 'servfail')
    world.reports.record(success)
    world.reports.record({ ...success, domain: 'milan.test' })
    await world.clock.advance(24.5 * 3_600_000)
    expect(site.requests).toHaveLength(1)
    site.answer.status = 201
    world.zone.recover()
    await world.clock.advance('1h')
    expect(site.requests).toHaveLength(2)
    expect(world.mails).toHaveLength(1)
    expect(await world.storage.records.list('tls-report')).toEqual([])
    await site.close()
  })

  it('leaves at a time of its own in the first four hours, and then lets others have their turn', async () => {
    await using world = await reportingWorld({ random: () => 0.5 })
    world.reports.record(success)
    await world.clock.advance('26h')
    expect(world.mails).toHaveLength(0)
    await world.clock.advance('6m')
    expect(world.mails).toHaveLength(1)
    const now = world.clock.now()
    expect(await world.storage.locks.acquire('tls-reports', 'another', now, now + 1)).toBe(true)
  })

  it.each([
    ['the process closes', ({ reports }: ReportingWorld) => void reports.close()],
    [
      'another takes over, as this one took too long',
      async ({ clock, storage }: ReportingWorld) => {
        clock.jump(2 * 3_600_000)
        await storage.locks.acquire('tls-reports', 'another', clock.now(), clock.now() + 48 * 3_600_000)
      },
    ],
  ])('is left to others when %s', async (_, happens) => {
    const sent: string[] = []
    const world: ReportingWorld = await reportingWorld({
      random: () => 0,
      send: async ({ raw }) => {
        sent.push(raw)
        await happens(world)
      },
    })
    await using _closing = world
    world.zone.set('_smtp._tls.milan.test', { txt: 'v=TLSRPTv1; rua=mailto:tls@reports.test' })
    for (const domain of ['rome.test', 'milan.test']) world.reports.record({ ...success, domain })
    await world.clock.advance('30h')
    expect(sent).toHaveLength(1)
  })

  it('waits for a process that is at it', async () => {
    await using world = await reportingWorld()
    world.reports.record(success)
    await world.clock.advance('23h')
    const { locks } = world.storage
    await locks.acquire('tls-reports', 'another', world.clock.now(), world.clock.now() + 7 * 3_600_000)
    await world.clock.advance('6h')
    expect(world.mails).toHaveLength(0)
    await world.clock.advance('2h')
    expect(world.mails).toHaveLength(1)
  })

  it('counts on while the storage fails', async () => {
    const storage = memoryStorage()
    const add = storage.records.add.bind(storage.records)
    await using world = await reportingWorld({ storage })
    storage.records.add = () => Promise.reject(new Error('no database'))
    world.reports.record(success)
    world.reports.record(failure)
    await world.clock.advance('2m')
    storage.records.add = add
    world.reports.record(success)
    await world.clock.advance('30h')
    expect(reportIn(world.mails[0]).policies).toMatchObject([
      { summary: { 'total-successful-session-count': 2, 'total-failure-session-count': 1 } },
    ])
  })
})

describe('the record of a domain (§3)', () => {
  it('names addresses and URLs; anything else is passed over', () => {
    const record = 'v=TLSRPTv1; rua=mailto:a%2Bb@c.test, https://d.test/e,http://f.test/,mailto:,x'
    expect(readReportUris(['v=spf1', record])).toEqual([
      { kind: 'mail', to: 'a+b@c.test' },
      { kind: 'https', url: new URL('https://d.test/e') },
    ])
    expect(readReportUris([record, record])).toEqual([])
    expect(readReportUris(['v=TLSRPTv1; rua=mailto:a@b.test; x=y; rua=mailto:c@d.test;'])).toEqual([
      { kind: 'mail', to: 'a@b.test' },
      { kind: 'mail', to: 'c@d.test' },
    ])
    expect(readReportUris(['v=TLSRPTv1'])).toEqual([])
    expect(readReportUris(['v=TLSRPTv1; rua=https://192.0.2.1/,https://[2001:db8::1]/'])).toEqual([])
    expect(readReportUris([`v=TLSRPTv1; rua=${'mailto:a@b.test,'.repeat(50)}`])).toHaveLength(4)
    expect(readReportUris(['v=TLSRPTv1; rua=mailto:a@b.test%0d%0aBcc:x@y.test'])).toEqual([])
  })
})

describe('a queue with tlsReports', () => {
  /** A report to `rome.test` of what became of one letter to it, by the internet as it is prepared. */
  async function reported(prepare: (internet: TestInternet, rome: ScriptedHost) => unknown) {
    await using internet = createTestInternet({ seed: 1 })
    const paris = await internet.server('paris.test', { server: { queue: { tlsReports: true } } })
    const rome = internet.host('mx.rome.test')
    internet.dns.set('_smtp._tls.rome.test', { txt: 'v=TLSRPTv1; rua=mailto:tls@oslo.test' })
    const oslo = await internet.server('oslo.test', { users: ['tls'] })
    await prepare(internet, rome)
    await paris.queue.send({ from: 'postmaster@paris.test', to: 'bob@rome.test', text: 'Hello' })
    await internet.clock.advance('30h')
    const [report] = await oslo.inbox('tls')
    expect(report?.subject).toContain('Report Domain: rome.test')
    const content = report?.attachments[0]?.content ?? ''
    return { rome, paris, policies: JSON.parse(gunzipSync(Buffer.from(content)).toString()).policies }
  }

  it('reports of what it delivered without a policy, by mail of its own', async () => {
    const { policies } = await reported(() => {})
    expect(policies).toEqual([
      {
        policy: { 'policy-type': 'no-policy-found', 'policy-domain': 'rome.test' },
        summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 0 },
      },
    ])
  })

  it.each([
    ['sts', 'wrong-name', 'certificate-host-mismatch'],
    ['sts', 'expired', 'certificate-expired'],
    ['sts', 'self-signed', 'certificate-not-trusted'],
    ['tlsa', 'self-signed', 'certificate-not-trusted'],
  ] as const)('reports of failures under a policy (%s): %s', async (type, fault, result) => {
    const { policies, rome, paris } = await reported(async (internet, host) => {
      if (type === 'tlsa') internet.dane('mx.rome.test')
      else await internet.mtaSts('rome.test', { mode: 'enforce', mx: ['mx.rome.test'] })
      host.breakCertificate(fault)
    })
    expect(rome.messages).toHaveLength(0)
    const [{ policy, summary, 'failure-details': details }] = policies
    expect(policy).toMatchObject({
      'policy-type': type,
      'policy-domain': type === 'tlsa' ? 'mx.rome.test' : 'rome.test',
      'mx-host': ['mx.rome.test'],
    })
    expect(summary['total-successful-session-count']).toBe(0)
    expect(summary['total-failure-session-count']).toBeGreaterThan(1)
    expect(details).toMatchObject([
      {
        'result-type': result,
        'sending-mta-ip': paris.address,
        'receiving-mx-hostname': 'mx.rome.test',
        'receiving-ip': rome.address,
        'failed-session-count': summary['total-failure-session-count'],
      },
    ])
  })

  it('reports of a host that its policy does not list, though it was never spoken to', async () => {
    const { policies, rome } = await reported(internet =>
      internet.mtaSts('rome.test', { mode: 'enforce', mx: ['other.rome.test'] }),
    )
    expect(rome.connections).toHaveLength(0)
    expect(policies).toMatchObject([{ 'failure-details': [{ 'result-type': 'certificate-host-mismatch' }] }])
  })

  it('does not report of its reports, or two hosts would never end', async () => {
    await using internet = createTestInternet({ seed: 1 })
    const options = { users: ['tls'], server: { queue: { tlsReports: true } } }
    const hosts = await Promise.all(
      ['paris', 'oslo'].map(async name => {
        internet.dns.set(`_smtp._tls.${name}.test`, { txt: `v=TLSRPTv1; rua=mailto:tls@${name}.test` })
        return internet.server(`${name}.test`, options)
      }),
    )
    const [paris, oslo] = hosts
    await paris?.queue.send({ from: 'postmaster@paris.test', to: 'tls@oslo.test', text: 'Hello' })
    await internet.clock.advance('120h')
    expect((await oslo?.inbox('tls'))?.map(({ subject }) => subject)).toEqual([
      undefined,
      expect.stringContaining('Report Domain: oslo.test'),
    ])
    expect(await paris?.inbox('tls')).toEqual([])
  })

  it('says that its reports are of no use unsigned', () => {
    const warnings: string[] = []
    const logger = {
      debug() {},
      info() {},
      warn: (_: object, text: string) => warnings.push(text),
      error() {},
    }
    const options = { hostname: 'mx.paris.test', logger, resolver: createDnsZone() }
    createDeliveryQueue({ ...options, tlsReports: true })
    expect(warnings).toEqual([expect.stringContaining('RFC 8460')])
    createDeliveryQueue({ ...options, tlsReports: true, sign: { sign: async () => '' } })
    createDeliveryQueue(options)
    expect(warnings).toHaveLength(1)
  })
})
