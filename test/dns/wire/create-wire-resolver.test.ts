import { afterEach, describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../../src/core/virtual-clock.js'
import { createDnsResolver } from '../../../src/dns/create-dns-resolver.js'
import { type Answer, flag } from '../../../src/dns/packet.js'
import { createDnsServer } from '../../../src/dns/server/create-dns-server.js'
import type { WireResolverOptions } from '../../../src/dns/wire/options.js'
import { createDnsZone } from '../../../src/dns/zone/create-dns-zone.js'
import { closedPort, mxAnswer, replyTo, type Script, startScriptedServer } from '../scripted-name-server.js'

const endings: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

async function scripted(script: Script) {
  const server = await startScriptedServer(script)
  endings.push(() => server.close())
  return server
}

function resolverOf(servers: string[], options: Partial<WireResolverOptions> = {}) {
  const clock = createVirtualClock()
  const resolver = createDnsResolver({ servers, clock, ...options })
  endings.push(() => resolver.close())
  return { clock, resolver }
}

const honest: Script = asked => replyTo(asked, { answers: [mxAnswer(asked.name, 'mx.rome.test')] })
const servfail: Script = asked => replyTo(asked, { rcode: 2 })
const nxdomain: Script = asked => replyTo(asked, { rcode: 3 })
const silent: Script = () => undefined
const found = { status: 'found', records: [{ preference: 10, exchange: 'mx.rome.test' }] }

describe('asking name servers', () => {
  it('asks a silent server again, with another id from another port', async () => {
    const server = await scripted(asked => (server.questions.length === 1 ? undefined : honest(asked)))
    const { clock, resolver } = resolverOf([server.address])
    const lookup = resolver.mx('rome.test')
    await clock.advance('2900ms')
    expect(server.questions).toHaveLength(1)
    await clock.advance('200ms')
    expect(await lookup).toMatchObject(found)
    const [first, second] = server.questions
    expect([second?.id, second?.port]).not.toEqual([first?.id, first?.port])
    expect(second?.port).not.toBe(first?.port)
  })

  it('gives up on servers that stay silent, and says which they were', async () => {
    const [one, two] = [await scripted(silent), await scripted(silent)]
    const { clock, resolver } = resolverOf([one.address, two.address], { timeout: '1s', attempts: 3 })
    const lookup = resolver.mx('rome.test')
    await clock.advance('6s')
    const answer = await lookup
    expect(answer).toMatchObject({ status: 'temporary-failure', reason: 'timeout' })
    expect(answer).toHaveProperty('detail', expect.stringContaining(one.address))
    expect(answer).toHaveProperty('detail', expect.stringContaining(two.address))
    expect([one.questions.length, two.questions.length]).toEqual([3, 3])
  })

  it('goes on to the next server when one fails, and stays with it', async () => {
    const [one, two] = [await scripted(servfail), await scripted(honest)]
    const { resolver } = resolverOf([one.address, two.address])
    expect(await resolver.mx('rome.test')).toMatchObject(found)
    expect(await resolver.mx('paris.test')).toMatchObject(found)
    expect([one.questions.length, two.questions.length]).toEqual([1, 2])
  })

  it('takes NXDOMAIN of one server for an answer and SERVFAIL of all for none', async () => {
    const [bad, good] = [await scripted(servfail), await scripted(nxdomain)]
    expect(await resolverOf([bad.address, good.address]).resolver.mx('rome.test')).toMatchObject({
      status: 'not-found',
      reason: 'nxdomain',
    })
    const refusing = await scripted(asked => replyTo(asked, { rcode: 5 }))
    const { resolver } = resolverOf([bad.address, refusing.address])
    expect(await resolver.mx('rome.test')).toMatchObject({
      status: 'temporary-failure',
      reason: 'servfail',
      detail: expect.stringMatching(/SERVFAIL; .*REFUSED/),
    })
    expect([bad.questions.length, refusing.questions.length]).toEqual([2, 1])
  })

  it('hears of a closed port at once', async () => {
    const { resolver } = resolverOf([closedPort])
    expect(await resolver.mx('rome.test')).toMatchObject({
      status: 'temporary-failure',
      reason: 'unreachable',
    })
  })

  it('does without EDNS where a server does not know it', async () => {
    const server = await scripted(asked => {
      if (asked.bytes.readUInt16BE(10) === 0) return honest(asked)
      const header = Buffer.from(asked.bytes.subarray(0, 12))
      header.writeUInt16BE(0x8001, 2)
      header.writeUInt16BE(0, 4)
      header.writeUInt16BE(0, 10)
      return header
    })
    expect(await resolverOf([server.address]).resolver.mx('rome.test')).toMatchObject(found)
    expect(server.questions).toHaveLength(2)
  })

  it('keeps to the bound of questions on their way', async () => {
    const server = await scripted(silent)
    const { clock, resolver } = resolverOf([server.address], { concurrency: 2, attempts: 1 })
    const lookups = Array.from({ length: 5 }, (_, i) => resolver.mx(`d${i}.test`))
    await clock.settled()
    expect(server.questions).toHaveLength(2)
    await clock.advance('3s')
    expect(server.questions).toHaveLength(4)
    await clock.advance('6s')
    for (const answer of await Promise.all(lookups)) expect(answer).toMatchObject({ reason: 'timeout' })
  })

  it('asks for both address families at once', async () => {
    const server = await scripted(silent)
    const { resolver, clock } = resolverOf([server.address], { attempts: 1 })
    const lookup = resolver.addresses('mx.rome.test')
    await clock.settled()
    const types = server.questions.map(({ bytes }) => bytes.readUInt16BE(bytes.indexOf(0, 12) + 1))
    expect(types.sort((a, b) => a - b)).toEqual([1, 28])
    await clock.advance('3s')
    expect(await lookup).toMatchObject({ reason: 'timeout' })
  })
})

describe('what is no reply to the question', () => {
  it('is waited past', async () => {
    const server = await scripted(asked => {
      const forged = { answers: [mxAnswer(asked.name, 'mx.evil.test')] }
      const question = replyTo(asked, forged)
      question.writeUInt16BE(question.readUInt16BE(2) & 0x7fff, 2)
      return [
        replyTo(asked, { ...forged, id: asked.id ^ 1 }),
        replyTo({ ...asked, bytes: otherName(asked.bytes) }, forged),
        question,
        Buffer.alloc(0),
        Buffer.alloc(11, 0xff),
        honest(asked) as Buffer,
      ]
    })
    expect(await resolverOf([server.address]).resolver.mx('rome.test')).toMatchObject(found)
  })

  it('includes another spelling where the case is random', async () => {
    const server = await scripted(asked => {
      const lower = Buffer.from(asked.bytes)
      lower.write(lower.toString('latin1', 12).toLowerCase(), 12, 'latin1')
      const forged = replyTo({ ...asked, bytes: lower }, { answers: [mxAnswer(asked.name, 'mx.evil.test')] })
      return asked.name === asked.name.toLowerCase() ? undefined : [forged, honest(asked) as Buffer]
    })
    const { resolver } = resolverOf([server.address], { randomCase: true })
    expect(await resolver.mx(`${'abcdefgh'.repeat(6)}.rome.test`)).toMatchObject(found)
  })

  it('ends a try over TCP', async () => {
    const server = await scripted(asked =>
      replyTo(asked, asked.transport === 'udp' ? { flags: flag.truncated } : { id: asked.id ^ 1 }),
    )
    expect(await resolverOf([server.address], { attempts: 1 }).resolver.mx('rome.test')).toMatchObject({
      status: 'temporary-failure',
      reason: 'malformed',
    })
  })
})

function otherName(query: Buffer): Buffer {
  const other = Buffer.from(query)
  other[13] = (other[13] ?? 0) + 1
  return other
}

describe('hostile replies', () => {
  it.each<[string, (reply: Buffer) => Buffer]>([
    ['cut within a record', reply => reply.subarray(0, -3)],
    ['with records claimed that are not there', reply => overwrite(reply, 6, 0xffff)],
    [
      'with a name that points at itself',
      reply => overwrite(reply, exchangeIn(reply), 0xc000 | exchangeIn(reply)),
    ],
    ['with a name that points beyond the end', reply => overwrite(reply, exchangeIn(reply), 0xffff)],
    ['with data longer than it should be', reply => overwrite(reply, exchangeIn(reply) - 4, 5)],
  ])('%s are a temporary failure', async (_, damage) => {
    const server = await scripted(asked => damage(honest(asked) as Buffer))
    expect(await resolverOf([server.address]).resolver.mx('rome.test')).toMatchObject({
      status: 'temporary-failure',
      reason: 'malformed',
    })
  })

  it('do not keep the next server from being asked', async () => {
    const [bad, good] = [
      await scripted(asked => (honest(asked) as Buffer).subarray(0, -3)),
      await scripted(honest),
    ]
    expect(await resolverOf([bad.address, good.address]).resolver.mx('rome.test')).toMatchObject(found)
  })

  it('with thousands of records are cut', async () => {
    const addresses = Array.from({ length: 4_000 }, (_, i): Answer => {
      return { type: 'A', name: 'a.b', ttl: 60, data: `10.0.${i >> 8}.${i & 255}` }
    })
    const server = await scripted(asked =>
      replyTo(
        asked,
        asked.transport === 'udp' ? { flags: flag.truncated } : { answers: addresses.slice(0, 3400) },
      ),
    )
    const answer = await resolverOf([server.address]).resolver.addresses('a.b', { family: 4 })
    expect(answer).toMatchObject({ status: 'found', records: { length: 256 } })
  })

  it('with exchangers that are no host names are not taken for a null MX or for no mail', async () => {
    const server = await scripted(asked =>
      replyTo(asked, { answers: [mxAnswer(asked.name, 'm x.test'), mxAnswer(asked.name, 'a\r\nRCPT.test')] }),
    )
    expect(await resolverOf([server.address]).resolver.mx('rome.test')).toMatchObject({
      status: 'temporary-failure',
      reason: 'malformed',
    })
    const mixed = await scripted(asked =>
      replyTo(asked, { answers: [mxAnswer(asked.name, 'm x.test'), mxAnswer(asked.name, 'mx.rome.test')] }),
    )
    expect(await resolverOf([mixed.address]).resolver.mx('rome.test')).toMatchObject(found)
  })

  it('about other names and classes are ignored', async () => {
    const chaos: Answer = { type: 'MX', name: 'rome.test', class: 'CH', data: { exchange: 'mx.evil.test' } }
    const server = await scripted(asked =>
      replyTo(asked, { answers: [mxAnswer('paris.test', 'mx.evil.test'), chaos] }),
    )
    expect(await resolverOf([server.address]).resolver.mx('rome.test')).toMatchObject({ reason: 'nodata' })
  })

  it('that claim to be validated are believed only where the servers are trusted', async () => {
    const server = await scripted(asked =>
      replyTo(asked, { flags: flag.authentic, answers: [mxAnswer(asked.name, 'mx.rome.test')] }),
    )
    const ask = (options: Partial<WireResolverOptions>) =>
      resolverOf([server.address], options).resolver.mx('a.test')
    expect(await ask({})).toMatchObject({ secure: false })
    expect(await ask({ trustAd: true })).toMatchObject({ secure: true })
  })
})

function overwrite(reply: Buffer, offset: number, value: number): Buffer {
  reply.writeUInt16BE(value, offset)
  return reply
}

/** Where the name of the exchanger stands. */
function exchangeIn(reply: Buffer): number {
  return reply.lastIndexOf(Buffer.from('\x02mx\x04rome'))
}

describe('aliases', () => {
  const alias = (name: string, data: string): Answer => ({ type: 'CNAME', name, ttl: 60, data })

  it('are followed over several replies where a server gives only their beginning', async () => {
    const server = await scripted(asked =>
      asked.name === 'rome.test'
        ? replyTo(asked, { answers: [alias('rome.test', 'a.test'), alias('a.test', '1.0/25.b.test')] })
        : honest(asked),
    )
    const answer = await resolverOf([server.address]).resolver.mx('rome.test')
    expect(answer).toMatchObject({ ...found, ttl: 60 })
    expect(server.questions.map(({ name }) => name)).toEqual(['rome.test', '1.0/25.b.test'])
  })

  it('to what has no such records are not asked about again where the SOA record says so', async () => {
    const data = { mname: 'ns.test', rname: 'hostmaster.test', minimum: 0xffff_ffff }
    const server = await scripted(asked =>
      replyTo(asked, {
        answers: [alias(asked.name, 'b.test')],
        authorities: [{ type: 'SOA', name: 'test', ttl: 300, data }],
      }),
    )
    // A TTL with its highest bit set counts as zero (RFC 2181 §8).
    expect(await resolverOf([server.address]).resolver.mx('a.test')).toMatchObject({
      reason: 'nodata',
      ttl: 0,
    })
    expect(server.questions).toHaveLength(1)
  })

  it('that go in circles are a temporary failure, in one reply and over many', async () => {
    const inOne = await scripted(asked =>
      replyTo(asked, { answers: [alias(asked.name, 'b.test'), alias('b.test', asked.name)] }),
    )
    const loop = { status: 'temporary-failure', reason: 'loop' }
    expect(await resolverOf([inOne.address]).resolver.mx('a.test')).toMatchObject(loop)
    const overMany = await scripted(asked =>
      replyTo(asked, { answers: [alias(asked.name, asked.name === 'a.test' ? 'b.test' : 'a.test')] }),
    )
    expect(await resolverOf([overMany.address]).resolver.mx('a.test')).toMatchObject(loop)
    expect(overMany.questions.length).toBeLessThan(12)
  })

  it('to what cannot be asked for are a temporary failure', async () => {
    const server = await scripted(asked => replyTo(asked, { answers: [alias(asked.name, 'a b.test')] }))
    expect(await resolverOf([server.address]).resolver.mx('a.test')).toMatchObject({ reason: 'malformed' })
  })

  it('are not followed where the name has such records itself', async () => {
    const server = await scripted(asked =>
      replyTo(asked, { answers: [alias(asked.name, 'b.test'), mxAnswer(asked.name, 'mx.rome.test')] }),
    )
    expect(await resolverOf([server.address]).resolver.mx('a.test')).toMatchObject(found)
  })
})

describe('TCP', () => {
  it('takes over where UDP cannot hold the answer', async () => {
    const mx = Array.from({ length: 200 }, (_, i) => `${i} mx${i}.some.long.name.rome.test`)
    const dns = createDnsServer({ zone: createDnsZone({ 'rome.test': { mx } }) })
    endings.push(() => dns.close())
    const { server } = await dns.listen({ port: 0 })
    const answer = await resolverOf([server]).resolver.mx('rome.test')
    expect(answer).toMatchObject({ status: 'found', records: { length: 200 } })
  })

  const truncating = (overTcp: Script) =>
    scripted((asked, socket) =>
      asked.transport === 'udp' ? replyTo(asked, { flags: flag.truncated }) : overTcp(asked, socket),
    )

  it('is waited for no longer than the timeout', async () => {
    const server = await truncating(silent)
    const { clock, resolver } = resolverOf([server.address], { attempts: 1 })
    const lookup = resolver.mx('rome.test')
    await clock.advance('3s')
    expect(await lookup).toMatchObject({ status: 'temporary-failure', reason: 'timeout' })
  })

  it('is read however it is cut', async () => {
    const server = await truncating((asked, socket) => {
      const reply = honest(asked) as Buffer
      socket?.write(Buffer.from([0]))
      setImmediate(() => socket?.write(Buffer.concat([Buffer.from([reply.length]), reply.subarray(0, 5)])))
      setImmediate(() => setImmediate(() => socket?.write(reply.subarray(5))))
      return undefined
    })
    expect(await resolverOf([server.address]).resolver.mx('rome.test')).toMatchObject(found)
  })

  it('that is closed early is a failure of that server', async () => {
    const server = await truncating((_, socket) => {
      socket?.end(Buffer.from([0]))
      return undefined
    })
    expect(await resolverOf([server.address]).resolver.mx('rome.test')).toMatchObject({
      status: 'temporary-failure',
      reason: 'unreachable',
    })
  })
})

describe('giving up and closing', () => {
  it('ends the question when all who wait for it have left, and not before', async () => {
    const server = await scripted(silent)
    const { clock, resolver } = resolverOf([server.address])
    const [one, two] = [new AbortController(), new AbortController()]
    const lookups = [one, two].map(({ signal }) => resolver.mx('rome.test', { signal }))
    const outcomes = Promise.allSettled(lookups)
    await clock.settled()
    one.abort()
    await expect(lookups[0]).rejects.toMatchObject({ code: 'ABORTED' })
    expect(clock.nextTimer()).toBeDefined()
    two.abort()
    await outcomes
    await clock.settled()
    expect(clock.nextTimer()).toBeUndefined()
    expect(server.questions).toHaveLength(1)
  })

  it('asks afresh after all have left', async () => {
    const server = await scripted(asked => (server.questions.length === 1 ? undefined : honest(asked)))
    const { clock, resolver } = resolverOf([server.address])
    const end = new AbortController()
    const lookup = resolver.mx('rome.test', { signal: end.signal })
    await clock.settled()
    end.abort()
    await expect(lookup).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await resolver.mx('rome.test')).toMatchObject(found)
  })

  it('rejects what is under way and what comes later with CLOSED', async () => {
    const server = await scripted(silent)
    const { clock, resolver } = resolverOf([server.address])
    const lookup = resolver.addresses('rome.test')
    const rejected = expect(lookup).rejects.toMatchObject({ code: 'CLOSED' })
    await clock.settled()
    await resolver.close()
    await rejected
    expect(clock.nextTimer()).toBeUndefined()
    await expect(resolver.mx('rome.test')).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

describe('options', () => {
  it.each<[object, string]>([
    [{ servers: [] }, 'servers'],
    [{ servers: ['dns.test'] }, 'servers.0: expected an IP address'],
    [{ servers: ['192.0.2.1:0'] }, 'servers.0'],
    [{ servers: ['192.0.2.1:65536'] }, 'servers.0'],
    [{ servers: ['[192.0.2.1]:53'] }, 'servers.0'],
    [{ servers: ['192.0.2.1'], timeout: 0 }, 'timeout'],
    [{ servers: ['192.0.2.1'], attempts: 1.5 }, 'attempts'],
    [{ servers: ['192.0.2.1'], cache: true }, 'cache'],
    [{ servers: ['192.0.2.1'], cache: { maxEntries: 0 } }, 'cache'],
    [{ servers: ['192.0.2.1'], clock: {} }, 'clock: expected a clock'],
    [{ trustAd: true }, 'trustAd'],
    [{ timeout: 'soon' }, 'timeout'],
  ])('refuses %j', (options, message) => {
    const create = () => createDnsResolver(options as WireResolverOptions)
    expect(create).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    expect(create).toThrow(message)
  })

  it('takes servers in every notation', async () => {
    const servers = ['192.0.2.53', '192.0.2.53:5353', '2001:db8::53', '[2001:db8::53]', '[2001:db8::53]:5353']
    await createDnsResolver({ servers }).close()
  })
})
