import { Resolver } from 'node:dns/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createDnsResolver } from '../../../src/dns/create-dns-resolver.js'
import { createSystemResolver } from '../../../src/dns/system/create-system-resolver.js'
import { closedPort, mxAnswer, replyTo, type Script, startScriptedServer } from '../scripted-name-server.js'

const endings: (() => Promise<void>)[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const end of endings.splice(0).reverse()) await end()
})

async function asking(script: Script) {
  const server = await startScriptedServer(script)
  const resolver = createSystemResolver({ nameservers: [server.address], timeout: '50ms', attempts: 1 })
  endings.push(
    () => server.close(),
    () => resolver.close(),
  )
  return { server, resolver }
}

describe("the system's resolver", () => {
  it.each<[string, Script, object]>([
    ['NXDOMAIN', asked => replyTo(asked, { rcode: 3 }), { status: 'not-found', reason: 'nxdomain' }],
    ['no such records', asked => replyTo(asked), { status: 'not-found', reason: 'nodata' }],
    ['SERVFAIL', asked => replyTo(asked, { rcode: 2 }), { status: 'temporary-failure', reason: 'servfail' }],
    ['REFUSED', asked => replyTo(asked, { rcode: 5 }), { status: 'temporary-failure', reason: 'refused' }],
    ['NOTIMP', asked => replyTo(asked, { rcode: 4 }), { status: 'temporary-failure', reason: 'servfail' }],
    ['silence', () => undefined, { status: 'temporary-failure', reason: 'timeout' }],
    [
      'exchangers that are no hosts',
      asked => replyTo(asked, { answers: [mxAnswer(asked.name, 'a b.test')] }),
      { status: 'temporary-failure', reason: 'malformed' },
    ],
  ])('tells %s from the rest', async (_, script, expected) => {
    const { resolver } = await asking(script)
    expect(await resolver.mx('rome.test')).toMatchObject(expected)
  })

  it('hears of a closed port', async () => {
    const resolver = createSystemResolver({ nameservers: [closedPort] })
    expect(await resolver.mx('rome.test')).toMatchObject({
      status: 'temporary-failure',
      reason: 'unreachable',
    })
    await resolver.close()
  })

  it('calls an error nobody foresaw a temporary failure', async () => {
    vi.spyOn(Resolver.prototype, 'resolveMx').mockRejectedValue(new Error('out of memory'))
    const { resolver } = await asking(() => undefined)
    expect(await resolver.mx('rome.test')).toMatchObject({
      status: 'temporary-failure',
      detail: expect.stringContaining('out of memory'),
    })
  })

  it('rejects a lookup under way when it is given up, and when the resolver is closed', async () => {
    const server = await startScriptedServer(() => undefined)
    const resolver = createSystemResolver({ nameservers: [server.address], timeout: '1h' })
    const end = new AbortController()
    const given = resolver.mx('rome.test', { signal: end.signal })
    const closed = expect(resolver.mx('rome.test')).rejects.toMatchObject({ code: 'CLOSED' })
    end.abort()
    await expect(given).rejects.toMatchObject({ code: 'ABORTED' })
    await resolver.close()
    await closed
    await expect(resolver.txt('rome.test')).rejects.toMatchObject({ code: 'CLOSED' })
    await server.close()
  })

  it('is what there is without servers, asking as the machine is set up', async () => {
    const asked = vi
      .spyOn(Resolver.prototype, 'resolveMx')
      .mockResolvedValue([{ priority: 5, exchange: 'MX.Rome.Test' }])
    const resolver = createDnsResolver({ timeout: '2s', attempts: 1 })
    expect(await resolver.mx('Rome.Test.')).toEqual({
      status: 'found',
      records: [{ preference: 5, exchange: 'mx.rome.test' }],
      ttl: 60,
      secure: false,
    })
    expect(asked).toHaveBeenCalledExactlyOnceWith('rome.test')
    await resolver.close()
  })

  it('says which resolver to use for TLSA records where Node cannot ask for them', async () => {
    const { resolver } = await asking(asked => replyTo(asked, { rcode: 3 }))
    const answer = await resolver.tlsa('_25._tcp.mx.rome.test')
    if ('resolveTlsa' in Resolver.prototype) expect(answer).toMatchObject({ reason: 'nxdomain' })
    else expect(answer).toMatchObject({ detail: expect.stringContaining('createDnsResolver({ servers })') })
  })
})
