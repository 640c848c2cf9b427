import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MailError } from '../../src/core/error.js'
import { encodePacket, flag } from '../../src/dns/packet.js'
import type { QuestionType } from '../../src/dns/record.js'
import { answerQuery } from '../../src/dns/server/answer-query.js'
import { followAliases } from '../../src/dns/wire/follow-aliases.js'
import { encodeQuery, readReply } from '../../src/dns/wire/reply.js'
import { createDnsZone } from '../../src/dns/zone/create-dns-zone.js'

const options = { authentic: false, randomCase: false, edns: true }
const query = encodeQuery('rome.test', 'MX', options)
const reply = encodePacket({
  type: 'response',
  id: query.readUInt16BE(0),
  flags: flag.recursionAvailable,
  questions: [{ name: 'rome.test', type: 'MX' }],
  answers: [
    { type: 'CNAME', name: 'rome.test', ttl: 60, data: 'alias.test' },
    { type: 'MX', name: 'alias.test', ttl: 60, data: { preference: 10, exchange: 'mx.rome.test' } },
    { type: 'TXT', name: 'rome.test', ttl: 60, data: ['v=spf1', ' -all'] },
    { type: 'A', name: 'rome.test', ttl: 60, data: '192.0.2.1' },
    { type: 'AAAA', name: 'rome.test', ttl: 60, data: '2001:db8::1' },
    {
      type: 'TLSA',
      name: 'rome.test',
      ttl: 60,
      data: { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.alloc(32) },
    },
  ],
  authorities: [
    { type: 'SOA', name: 'test', ttl: 60, data: { mname: 'ns.test', rname: 'a.test', minimum: 60 } },
  ],
})

/** Octets to write over a packet, and where to cut it. */
const damages = fc.record({
  octets: fc.array(fc.tuple(fc.nat(reply.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
  length: fc.oneof(fc.constant(reply.length), fc.nat(reply.length)),
})

function damaged(packet: Buffer, { octets, length }: { octets: [number, number][]; length: number }): Buffer {
  const copy = Buffer.from(packet)
  for (const [at, value] of octets) if (at < copy.length) copy[at] = value
  return copy.subarray(0, Math.min(length, copy.length))
}

const types: QuestionType[] = ['A', 'AAAA', 'MX', 'PTR', 'TLSA', 'TXT']
const hostName = /^[a-z0-9._-]*$/

describe('damaged packets', () => {
  it('are read as a reply, as no reply, or as broken, and never as names that are none', () => {
    fc.assert(
      fc.property(damages, damage => {
        try {
          const read = readReply(damaged(reply, damage), query, false)
          for (const record of read?.records ?? []) {
            if (record.type === 'MX') expect(record.data.exchange).toMatch(hostName)
            if (record.type === 'A') expect(record.data).toMatch(/^\d+\.\d+\.\d+\.\d+$/)
            expect(record.ttl).toBeGreaterThanOrEqual(0)
          }
          for (const type of types) followAliases(read?.records ?? [], 'rome.test', type)
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(MailError)
          expect(thrown).toHaveProperty('code', 'PROTOCOL')
        }
      }),
      { numRuns: 3_000 },
    )
  })

  it('get a reply that fits, or none, from a server', () => {
    const zone = createDnsZone({
      'rome.test': { mx: Array.from({ length: 99 }, (_, i) => `mx${i}.rome.test`) },
    })
    fc.assert(
      fc.property(damages, fc.boolean(), fc.uint8Array({ maxLength: 64 }), (damage, asQuery, junk) => {
        const packet = damaged(asQuery ? Buffer.concat([query, junk]) : reply, damage)
        const answer = answerQuery(packet, zone, 'udp')
        if (!answer) return
        expect(answer.length).toBeLessThanOrEqual(1_232)
        expect(answer.readUInt16BE(0)).toBe(packet.readUInt16BE(0))
        expect(answer.readUInt16BE(2) & 0x8000).toBe(0x8000)
      }),
      { numRuns: 3_000 },
    )
  })
})
