import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../../src/core/virtual-clock.js'
import {
  decodePacket,
  dnssecOk,
  ednsRecord,
  encodePacket,
  flag,
  type PacketType,
} from '../../../src/dns/packet.js'
import { createDnsServer, type DnsServerAddress } from '../../../src/dns/server/create-dns-server.js'
import type { DnsServerOptions } from '../../../src/dns/server/options.js'
import { createDnsZone } from '../../../src/dns/zone/create-dns-zone.js'
import { describeWith } from '../../testing-tools/tools.js'

const endings: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

const records = {
  'rome.test': { mx: ['10 mx.rome.test', '20 mx2.rome.test'], txt: `v=spf1 ${'x'.repeat(300)}` },
  'mx.rome.test': { a: '192.0.2.1', aaaa: '2001:db8::1' },
  'many.test': { a: Array.from({ length: 60 }, (_, i) => `192.0.2.${i}`) },
  'signed.test': { a: '192.0.2.9', secure: true },
  'alias.test': { cname: 'mx.rome.test' },
  '_25._tcp.mx.rome.test': { tlsa: '3 1 1 0d6f' },
  '192.0.2.1': { ptr: 'mx.rome.test' },
}

async function started(options: Partial<DnsServerOptions> = {}) {
  const zone = createDnsZone(records)
  const server = createDnsServer({ zone, ...options })
  endings.push(() => server.close())
  return { zone, server, at: await server.listen({ port: 0 }) }
}

interface QueryShape {
  type?: PacketType
  id?: number
  flags?: number
  udp?: number
  doBit?: boolean
  version?: number
}

function query(
  name: string,
  { type = 'A', id = 7, flags = 0, udp, doBit, version = 0 }: QueryShape = {},
): Buffer {
  const edns = {
    ...ednsRecord(),
    udpPayloadSize: udp ?? 1232,
    ednsVersion: version,
    flags: doBit ? dnssecOk : 0,
  }
  const withEdns = udp !== undefined || doBit || version > 0
  return encodePacket({
    type: 'query',
    id,
    flags,
    questions: [{ name, type }],
    additionals: withEdns ? [edns] : [],
  })
}

/** Sends a packet and waits for the reply to it. */
async function overUdp(at: DnsServerAddress, packet: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4')
  try {
    socket.send(packet, at.port, at.address)
    const [reply] = (await once(socket, 'message')) as [Buffer]
    return reply
  } finally {
    socket.close()
  }
}

const codeOf = (reply: Buffer) => reply.readUInt16BE(2) & 0xf
const framed = (packet: Buffer) =>
  Buffer.concat([Buffer.from([packet.length >> 8, packet.length & 255]), packet])

describe('a DNS server over UDP', () => {
  it('repeats the question in its very case, and says that it knows first hand', async () => {
    const { at } = await started()
    const reply = await overUdp(at, query('MX.roMe.TEST', { flags: flag.recursionDesired }))
    const packet = decodePacket(reply)
    expect(packet).toMatchObject({
      id: 7,
      flag_qr: true,
      flag_aa: true,
      flag_rd: true,
      flag_ra: true,
      flag_tc: false,
    })
    expect(packet.questions).toEqual([{ name: 'MX.roMe.TEST', type: 'A', class: 'IN' }])
    expect(packet.answers).toMatchObject([{ name: 'mx.rome.test', type: 'A', ttl: 300, data: '192.0.2.1' }])
    expect(packet.additionals).toEqual([])
  })

  it('gives the SOA record with what does not exist', async () => {
    const { at } = await started()
    for (const [name, code] of [
      ['no.test', 3],
      ['rome.test', 0],
    ] as const) {
      const reply = await overUdp(at, query(name))
      expect(codeOf(reply)).toBe(code)
      expect(decodePacket(reply)).toMatchObject({
        answers: [],
        authorities: [{ type: 'SOA', ttl: 60, data: { minimum: 60 } }],
      })
    }
  })

  it('cuts what is larger than the client takes', async () => {
    const { at } = await started()
    const plain = await overUdp(at, query('many.test'))
    expect(plain.length).toBeLessThanOrEqual(512)
    expect(decodePacket(plain)).toMatchObject({ flag_tc: true, answers: [] })
    const roomy = decodePacket(await overUdp(at, query('many.test', { udp: 65_535 })))
    expect(roomy.flag_tc).toBe(true)
    const fitting = decodePacket(await overUdp(at, query('rome.test', { type: 'TXT', udp: 1232 })))
    expect(fitting).toMatchObject({
      flag_tc: false,
      answers: [{ type: 'TXT' }],
      additionals: [{ type: 'OPT' }],
    })
  })

  it('says what is secure to clients that ask for it', async () => {
    const { at } = await started()
    const ad = async (name: string, shape: QueryShape) =>
      decodePacket(await overUdp(at, query(name, shape))).flag_ad
    expect(await ad('signed.test', { flags: flag.authentic })).toBe(true)
    expect(await ad('signed.test', { doBit: true })).toBe(true)
    expect(await ad('signed.test', {})).toBe(false)
    expect(await ad('mx.rome.test', { flags: flag.authentic })).toBe(false)
  })

  it('fails as the zone is told to', async () => {
    const { at, zone } = await started()
    zone.fail('rome.test', 'servfail')
    expect(codeOf(await overUdp(at, query('rome.test')))).toBe(2)
    zone.fail('rome.test', 'refused')
    expect(codeOf(await overUdp(at, query('rome.test')))).toBe(5)
    zone.fail('rome.test', 'malformed')
    const broken = await overUdp(at, query('rome.test'))
    expect(() => decodePacket(broken)).toThrow(/cannot be read/)
    zone.recover('rome.test')
    expect(codeOf(await overUdp(at, query('rome.test', { type: 'MX' })))).toBe(0)
  })

  it('answers what it cannot serve with the code that says so', async () => {
    const { at } = await started()
    const notImplemented = query('rome.test')
    notImplemented.writeUInt16BE(0x2800, 2)
    expect(codeOf(await overUdp(at, notImplemented))).toBe(4)
    const twoQuestions = query('rome.test')
    twoQuestions.writeUInt16BE(2, 4)
    expect(codeOf(await overUdp(at, twoQuestions))).toBe(1)
    expect(codeOf(await overUdp(at, query('rome.test').subarray(0, -1)))).toBe(1)
    const chaos = query('rome.test')
    chaos.writeUInt16BE(3, chaos.length - 2)
    expect(codeOf(await overUdp(at, chaos))).toBe(5)
    const dotInLabel = query('rome.test')
    dotInLabel.write('\x09rome.test', 12, 'latin1')
    expect(codeOf(await overUdp(at, dotInLabel))).toBe(5)
    const unknown = await overUdp(at, query('rome.test', { type: 'HIP' }))
    expect(decodePacket(unknown)).toMatchObject({ answers: [], authorities: [{ type: 'SOA' }] })
    const badVersion = decodePacket(await overUdp(at, query('rome.test', { version: 1 })))
    expect(badVersion.additionals).toMatchObject([{ type: 'OPT', extendedRcode: 1 }])
  })

  it('is silent to replies and rests, and serves on', async () => {
    const { at } = await started()
    const socket = createSocket('udp4')
    const received: Buffer[] = []
    socket.on('message', bytes => received.push(bytes))
    const reply = query('rome.test')
    reply.writeUInt16BE(0x8000, 2)
    for (const packet of [reply, Buffer.alloc(0), Buffer.alloc(11), Buffer.from('\xff\xff')]) {
      socket.send(packet, at.port, at.address)
    }
    socket.send(query('mx.rome.test', { id: 99 }), at.port, at.address)
    await once(socket, 'message')
    socket.close()
    expect(received.map(bytes => bytes.readUInt16BE(0))).toEqual([99])
  })

  it('answers SERVFAIL where its zone throws', async () => {
    const { at } = await started({
      zone: {
        query: () => {
          throw new Error('no')
        },
      },
    })
    expect(codeOf(await overUdp(at, query('rome.test')))).toBe(2)
  })
})

describe('a DNS server over TCP', () => {
  async function connected(at: DnsServerAddress) {
    const socket = connect(at.port, at.address)
    await once(socket, 'connect')
    endings.push(async () => void socket.destroy())
    const received: Buffer[] = []
    socket.on('data', chunk => received.push(chunk))
    const replies = async (count: number) => {
      for (;;) {
        const list = split(Buffer.concat(received))
        if (list.length >= count) return list
        await once(socket, 'data')
      }
    }
    return { socket, replies }
  }

  function split(bytes: Buffer): Buffer[] {
    const packets: Buffer[] = []
    for (let at = 0; at + 2 <= bytes.length; ) {
      const end = at + 2 + bytes.readUInt16BE(at)
      if (end > bytes.length) break
      packets.push(bytes.subarray(at + 2, end))
      at = end
    }
    return packets
  }

  it('answers many questions of one write, in order, and one that comes in pieces', async () => {
    const { at } = await started()
    const { socket, replies } = await connected(at)
    socket.write(Buffer.concat(Array.from({ length: 500 }, (_, id) => framed(query('many.test', { id })))))
    const list = await replies(500)
    expect(list.map(reply => reply.readUInt16BE(0))).toEqual(Array.from({ length: 500 }, (_, id) => id))
    expect(decodePacket(list[499] ?? Buffer.alloc(0)).answers).toHaveLength(60)
    const packet = framed(query('mx.rome.test', { id: 500 }))
    for (const octet of packet) socket.write(Buffer.from([octet]))
    expect((await replies(501))[500]?.readUInt16BE(0)).toBe(500)
  })

  it('closes on a question that is larger than any', async () => {
    const { at } = await started()
    const { socket } = await connected(at)
    socket.write(Buffer.from([0xff, 0xff, 1]))
    await once(socket, 'close')
    expect(codeOf(await overUdp(at, query('mx.rome.test')))).toBe(0)
  })

  it('closes connections that stay idle', async () => {
    const clock = createVirtualClock()
    const { at } = await started({ clock, idleTimeout: '5s' })
    const { socket, replies } = await connected(at)
    await clock.advance('4s')
    socket.write(framed(query('mx.rome.test')))
    await replies(1)
    socket.write(Buffer.from([0]))
    await clock.advance('4s')
    expect(socket.closed).toBe(false)
    const closed = once(socket, 'close')
    await clock.advance('1s')
    await closed
    expect(clock.nextTimer()).toBeUndefined()
  })

  it('does not read from a client that does not read its answers, and closes it in the end', async () => {
    const clock = createVirtualClock()
    const { at } = await started({ clock })
    const { socket } = await connected(at)
    socket.pause()
    let drained = false
    socket.on('drain', () => {
      drained = true
    })
    socket.on('error', () => {})
    const questions = Buffer.concat(Array<Buffer>(1_000).fill(framed(query('many.test'))))
    for (let i = 0; i < 1_000; i++) socket.write(questions)
    // Turns of the server's loop in which it could have read it all.
    for (let i = 0; i < 500; i++) await overUdp(at, query('mx.rome.test'))
    expect(drained).toBe(false)
    const closed = new Promise(resolve => socket.once('close', resolve))
    socket.resume()
    await clock.advance('20s')
    await closed
  })

  it('closes connections over the limit at once', async () => {
    const { at } = await started({ maxConnections: 1 })
    const { socket, replies } = await connected(at)
    const second = connect(at.port, at.address)
    await once(second, 'close')
    socket.write(framed(query('mx.rome.test')))
    expect(await replies(1)).toHaveLength(1)
  })

  it('answers SERVFAIL where no packet can hold the answer', async () => {
    const { at, zone } = await started()
    zone.set('huge.test', { txt: 'x'.repeat(70_000) })
    const { socket, replies } = await connected(at)
    socket.write(framed(query('huge.test', { type: 'TXT' })))
    expect(codeOf((await replies(1))[0] ?? Buffer.alloc(12))).toBe(2)
  })
})

describe('the life of a DNS server', () => {
  it('refuses a port that is taken, and can then be started elsewhere', async () => {
    const { at } = await started()
    const second = createDnsServer({ zone: createDnsZone() })
    await expect(second.listen({ port: at.port })).rejects.toMatchObject({ code: 'PORT_IN_USE' })
    await second.listen({ port: 0 })
    await expect(second.listen({ port: 0 })).rejects.toMatchObject({ code: 'ALREADY_STARTED' })
    await second.close()
    await expect(second.listen({ port: 0 })).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('refuses a port that is taken on UDP alone', async () => {
    const server = createDnsServer({ zone: createDnsZone() })
    endings.push(() => server.close())
    // The TCP port of the same number may happen to be somebody's; another one is not.
    for (let refusal = ''; !refusal.includes('UDP'); ) {
      const socket = createSocket('udp4')
      socket.bind(0, '127.0.0.1')
      await once(socket, 'listening')
      const listening = server.listen({ port: socket.address().port })
      await expect(listening).rejects.toMatchObject({ code: 'PORT_IN_USE' })
      refusal = await listening.then(String, String)
      socket.close()
    }
    await server.listen({ port: 0 })
  })

  it('closes with connections open, twice, and by itself', async () => {
    const { server, at } = await started()
    const socket = connect(at.port, at.address)
    await once(socket, 'connect')
    const closed = once(socket, 'close')
    await Promise.all([server.close(), server.close()])
    await closed
  })

  it('closes at the end of its block', async () => {
    let closed: Promise<unknown>
    {
      await using server = createDnsServer({ zone: createDnsZone() })
      const at = await server.listen({ port: 0 })
      const socket = connect(at.port, at.address)
      await once(socket, 'connect')
      closed = once(socket, 'close')
    }
    await closed
  })

  it.each([
    [{}, 'zone: expected a zone'],
    [{ zone: {}, prot: 1 }, 'prot'],
  ])('refuses %j', (options, message) => {
    expect(() => createDnsServer(options as DnsServerOptions)).toThrow(message)
  })
})

describeWith(['dig'], 'dig reads', () => {
  async function digged(at: DnsServerAddress, ...args: string[]): Promise<string> {
    const fixed = [`@${at.address}`, '-p', String(at.port), '+tries=1', '+time=5']
    return (await promisify(execFile)('dig', [...fixed, ...args])).stdout
  }

  it('every type of record, without a warning', async () => {
    const { at } = await started()
    const short = async (...args: string[]) => (await digged(at, '+short', ...args)).trim().split('\n').sort()
    expect(await short('MX', 'rome.test')).toEqual(['10 mx.rome.test.', '20 mx2.rome.test.'])
    expect(await short('A', 'alias.test')).toEqual(['192.0.2.1', 'mx.rome.test.'])
    expect(await short('AAAA', 'mx.rome.test')).toEqual(['2001:db8::1'])
    expect(await short('TLSA', '_25._tcp.mx.rome.test')).toEqual(['3 1 1 0D6F'])
    expect(await short('-x', '192.0.2.1')).toEqual(['mx.rome.test.'])
    expect((await short('TXT', 'rome.test')).join('')).toMatch(/^"v=spf1 x+" "x+"$/)
    expect(await digged(at, 'MX', 'rome.test')).not.toMatch(/warning|malformed|extra/i)
  })

  it('absence, security and truncation', async () => {
    const { at } = await started()
    expect(await digged(at, 'A', 'no.test')).toMatch(/status: NXDOMAIN[\s\S]*SOA/)
    expect(await digged(at, 'A', 'rome.test')).toMatch(/status: NOERROR[\s\S]*ANSWER: 0/)
    expect(await digged(at, 'A', 'signed.test')).toMatch(/flags: [a-z ]*\bad\b/)
    const many = await digged(at, '+noedns', 'A', 'many.test')
    expect(many).toMatch(/Truncated, retrying in TCP mode[\s\S]*ANSWER: 60/)
  })
})
