import { describe, expect, it } from 'vitest'
import { decodePacket, encodePacket } from '../../src/dns/packet.js'

/** A header that claims `answers` records and no question. */
function header(answers: number): Buffer {
  const bytes = Buffer.alloc(12)
  bytes.writeUInt16BE(0x8180, 2)
  bytes.writeUInt16BE(answers, 6)
  return bytes
}

function record(name: Buffer, type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(1, 2)
  fixed.writeUInt16BE(data.length, 8)
  return Buffer.concat([name, fixed, data])
}

const root = Buffer.from([0])

/** A packet as large as can be, with a chain of pointers and as many names as fit that go down all of it. */
function chainOfPointers(): Buffer {
  const chain = Buffer.alloc(16_000)
  const start = 12 + 11
  for (let at = 1; at < chain.length - 1; at += 2)
    chain.writeUInt16BE(0xc000 | (start + Math.max(0, at - 2)), at)
  const top = Buffer.alloc(2)
  top.writeUInt16BE(0xc000 | (start + chain.length - 3))
  const exchanger = record(top, 15, Buffer.concat([Buffer.from([0, 10]), top]))
  const count = Math.floor((65_535 - start - chain.length) / exchanger.length)
  return Buffer.concat([header(count + 1), record(root, 10, chain), ...Array<Buffer>(count).fill(exchanger)])
}

describe('reading packets of anybody', () => {
  it('takes no time for chains of pointers', () => {
    const packet = chainOfPointers()
    const began = performance.now()
    expect(() => decodePacket(packet)).toThrow(/goes in circles/)
    // Read without bounds, this one takes 800 ms on an idle machine.
    expect(performance.now() - began).toBeLessThan(400)
  })

  it('takes little time for the longest names there can be', () => {
    const long = Buffer.concat([...Array<Buffer>(120).fill(Buffer.from('\x01a')), root])
    const name = Buffer.from([0xc0, 12 + 11])
    const owners = Array.from({ length: 3_000 }, () =>
      record(name, 15, Buffer.concat([Buffer.alloc(2), name])),
    )
    const packet = Buffer.concat([header(owners.length + 1), record(root, 10, long), ...owners])
    const began = performance.now()
    expect(decodePacket(packet).answers).toHaveLength(owners.length + 1)
    expect(performance.now() - began).toBeLessThan(3_000)
  })

  it.each<[string, Buffer, RegExp]>([
    ['nothing', Buffer.alloc(0), /cannot be read/],
    ['half a header', Buffer.alloc(11), /cannot be read/],
    ['records that are not there', header(1), /cannot be read/],
    [
      'data that is not there',
      Buffer.concat([header(1), record(root, 16, Buffer.alloc(9)).subarray(0, -1)]),
      /cut/,
    ],
    [
      'an address of five octets',
      Buffer.concat([header(1), record(root, 1, Buffer.alloc(5))]),
      /wrong length/,
    ],
    [
      'an address of three octets',
      Buffer.concat([header(1), record(root, 1, Buffer.alloc(3))]),
      /wrong length/,
    ],
    [
      'a name beyond its data',
      Buffer.concat([header(1), record(root, 5, Buffer.from('\x05a')), Buffer.alloc(9)]),
      /read/,
    ],
    [
      'a label of a reserved kind',
      Buffer.concat([header(1), record(Buffer.from([0x40, 0]), 1, Buffer.alloc(4))]),
      /label/,
    ],
    [
      'two pointers at each other',
      Buffer.concat([header(1), record(Buffer.from([0xc0, 14, 0xc0, 12]), 1, root)]),
      /circles/,
    ],
    ['a type nobody asked for', Buffer.concat([header(1), record(root, 46, Buffer.alloc(18))]), /type 46/],
    [
      'options that are cut',
      Buffer.concat([header(1), record(root, 41, Buffer.from([0, 3, 0, 9, 1]))]),
      /wrong length/,
    ],
  ])('refuses %s', (_, packet, message) => {
    expect(() => decodePacket(packet)).toThrow(expect.objectContaining({ code: 'PROTOCOL', temporary: true }))
    expect(() => decodePacket(packet)).toThrow(message)
  })

  it('passes records of types it does not know', () => {
    const packet = Buffer.concat([
      header(2),
      record(root, 65_280, Buffer.alloc(7)),
      record(root, 1, Buffer.alloc(4)),
    ])
    expect(decodePacket(packet).answers?.[1]).toMatchObject({ type: 'A', data: '0.0.0.0' })
  })

  it('passes what it writes itself', () => {
    const data = { mname: 'ns.test', rname: 'hostmaster.test', serial: 1, minimum: 60 }
    const packet = encodePacket({ type: 'response', authorities: [{ type: 'SOA', name: 'test', data }] })
    expect(decodePacket(packet).authorities).toHaveLength(1)
  })
})
