import { describe, expect, it, vi } from 'vitest'
import { reverseName } from '../../src/dns/dns-name.js'
import type { QuestionType } from '../../src/dns/record.js'
import { RecordResolver } from '../../src/dns/record-resolver.js'
import type { DnsAnswer } from '../../src/dns/resolver.js'

type Answers = Partial<Record<QuestionType, DnsAnswer<never> | (() => Promise<never>)>>

class Scripted extends RecordResolver {
  readonly asked: string[] = []
  readonly #answers: Answers

  constructor(answers: Answers) {
    super()
    this.#answers = answers
  }

  protected override async ask<Type extends QuestionType>(
    name: string,
    type: Type,
  ): Promise<DnsAnswer<never>> {
    this.asked.push(`${type} ${name}`)
    const answer = this.#answers[type]
    if (typeof answer === 'function') return answer()
    return answer ?? { status: 'not-found', reason: 'nxdomain', ttl: 9, secure: true }
  }

  override close(): Promise<void> {
    return Promise.resolve()
  }
}

const found = (address: string, ttl: number, secure: boolean) =>
  ({ status: 'found', records: [address], ttl, secure }) as unknown as DnsAnswer<never>
const nodata: DnsAnswer<never> = { status: 'not-found', reason: 'nodata', ttl: 5, secure: false }
const failure: DnsAnswer<never> = { status: 'temporary-failure', reason: 'servfail', detail: 'x' }

describe('both address families', () => {
  it.each<[string, Answers, object]>([
    ['found', { A: found('192.0.2.1', 7, true), AAAA: found('::1', 3, true) }, { ttl: 3, secure: true }],
    [
      'one insecure',
      { A: found('192.0.2.1', 7, true), AAAA: found('::1', 9, false) },
      { ttl: 7, secure: false },
    ],
    [
      'one absent',
      { A: found('192.0.2.1', 7, true), AAAA: nodata },
      { status: 'found', ttl: 7, secure: true },
    ],
    ['one failing', { A: failure, AAAA: found('::1', 3, true) }, { status: 'found', records: { length: 1 } }],
    ['one failing, one absent', { A: failure, AAAA: nodata }, { status: 'temporary-failure' }],
    ['one absent, one failing', { A: nodata, AAAA: failure }, { status: 'temporary-failure' }],
    ['both absent', { A: nodata, AAAA: nodata }, { status: 'not-found', reason: 'nodata', secure: false }],
    ['the name half there', { A: nodata }, { status: 'not-found', reason: 'nodata', ttl: 5 }],
    ['no name', {}, { status: 'not-found', reason: 'nxdomain', ttl: 9, secure: true }],
  ])('%s', async (_, answers, expected) => {
    expect(await new Scripted(answers).addresses('a.test')).toMatchObject(expected)
  })
})

describe('a driver', () => {
  it('is asked for clean names only', async () => {
    const resolver = new Scripted({})
    await resolver.mx('MÜNCHEN.Test.')
    await resolver.txt('_DMARC.Rome.test')
    await resolver.txt('User=a+b._spf.rome.test')
    await resolver.ptr('192.0.2.10')
    await resolver.ptr('FE80::1%eth0')
    await resolver.tlsa('rome..test')
    expect(resolver.asked).toEqual([
      'MX xn--mnchen-3ya.test',
      'TXT _dmarc.rome.test',
      'TXT user=a+b._spf.rome.test',
      'PTR 10.2.0.192.in-addr.arpa',
      `PTR 1.${'0.'.repeat(28)}8.e.f.ip6.arpa`,
    ])
  })

  it('that throws is a temporary failure, told without control characters', async () => {
    const resolver = new Scripted({ MX: () => Promise.reject(new Error('no\r\nroute')) })
    const answer = await resolver.mx('rome.test')
    expect(answer).toMatchObject({ status: 'temporary-failure', reason: 'servfail' })
    expect(answer).toHaveProperty('detail', expect.stringMatching(/^the resolver threw: no\S*route$/))
  })

  it('that never answers can be left', async () => {
    const resolver = new Scripted({ MX: () => new Promise(() => {}) })
    const end = new AbortController()
    const lookup = resolver.mx('rome.test', { signal: end.signal })
    end.abort()
    await expect(lookup).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('leaves no listener on the signal of a lookup that ended', async () => {
    const { signal } = new AbortController()
    const add = vi.spyOn(signal, 'addEventListener')
    const remove = vi.spyOn(signal, 'removeEventListener')
    await new Scripted({}).mx('rome.test', { signal })
    await new Promise(resolve => setImmediate(resolve))
    expect(add).toHaveBeenCalledOnce()
    expect(remove.mock.calls[0]?.[1]).toBe(add.mock.calls[0]?.[1])
  })
})

describe('reverse names', () => {
  it.each([
    ['192.0.2.1', '1.2.0.192.in-addr.arpa'],
    ['::ffff:192.0.2.1', '1.2.0.192.in-addr.arpa'],
    ['2001:db8::1', `1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`],
    ['::', `${'0.'.repeat(32)}ip6.arpa`],
    ['64:ff9b::192.0.2.1', `1.0.2.0.0.0.0.c.${'0.'.repeat(16)}b.9.f.f.4.6.0.0.ip6.arpa`],
    ['rome.test', undefined],
    ['[192.0.2.1]', undefined],
    ['', undefined],
  ])('%s is %s', (address, name) => {
    expect(reverseName(address)).toBe(name)
  })
})
