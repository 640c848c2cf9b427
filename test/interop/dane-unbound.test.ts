import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sleep, systemClock } from '../../src/core/clock.js'
import { createDnsResolver, createMxTransport } from '../../src/index.js'
import { bytesSource } from '../../src/message/sources.js'
import { tlsaOf } from '../delivery/tls-policy/tlsa.js'
import { issuedTls, testTls } from '../fixtures/tls.js'
import { describeWith, pathWithSbin } from '../testing-tools/tools.js'
import { runProgram } from './run-program.js'

const zoneNames = ['dane.test', 'forged.test', 'unsigned.test']

/**
 * A signed zone served by NSD, validated by unbound, and a server with TLS on loopback: nothing of DNS is ours but the
 * resolver that is tried.
 */
describeWith(['unbound', 'nsd', 'ldns-keygen', 'ldns-signzone'], 'DANE by unbound and NSD', () => {
  const children: ChildProcess[] = []
  const server = new SMTPServer({
    ...testTls,
    authOptional: true,
    onData: (stream, _, done) => {
      stream.resume()
      stream.on('end', done)
    },
  })
  let folder = ''
  let smtpPort = 0
  let dnsPort = 0

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'posthorn-dane-'))
    const listening = server.listen(0, '127.0.0.1')
    await once(listening, 'listening')
    smtpPort = (listening.address() as { port: number }).port
    const [nsdPort, unboundPort] = [await freePort(), await freePort()]
    dnsPort = unboundPort
    const keys = [await makeZone('dane.test'), await makeZone('forged.test')]
    await writeFile(join(folder, 'unsigned.test.signed'), unsignedZone())
    // The trust anchor of this zone is another key's, as when somebody else answers for it.
    const anchors = [keys[0], keys[1]?.replace(/[0-9a-f]{64}/i, '0'.repeat(64))]
    await start('nsd', ['-d', '-c', await write('nsd.conf', nsdConfig(nsdPort))])
    await start('unbound', ['-d', '-c', await write('unbound.conf', unboundConfig(nsdPort, anchors))])
    await untilServed()
  }, 60_000)

  afterAll(async () => {
    server.close()
    for (const child of children) {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
    await rm(folder, { recursive: true, force: true })
  })

  it('delivers to the server that the records name', async () => {
    expect(await deliver('dane.test')).toMatchObject([
      { status: 'delivered', host: 'mx.dane.test', tlsRule: 'dane', tlsVerified: 'dane' },
    ])
  })

  it('defers what another server would get', async () => {
    expect(await deliver('wrong.dane.test')).toMatchObject([
      { status: 'deferred', host: 'mx2.dane.test', tlsRule: 'dane', enhanced: '4.7.5' },
    ])
  })

  it('believes the absence of records', async () => {
    expect(await deliver('plain.dane.test')).toMatchObject([
      { status: 'delivered', host: 'mx3.dane.test', tlsRule: 'opportunistic' },
    ])
  })

  it('finds the records of an alias at its end, or else at the alias', async () => {
    expect(await deliver('end.dane.test')).toMatchObject([
      { status: 'delivered', host: 'to-mx.dane.test', tlsRule: 'dane', tlsVerified: 'dane' },
    ])
    expect(await deliver('begin.dane.test')).toMatchObject([
      { status: 'deferred', host: 'to-mx3.dane.test', tlsRule: 'dane', enhanced: '4.7.5' },
    ])
  })

  it('heeds the records of an alias that leads to a zone without signatures, not those of an alias from there', async () => {
    expect(await deliver('out.dane.test')).toMatchObject([
      { status: 'deferred', host: 'to-outside.dane.test', tlsRule: 'dane', enhanced: '4.7.5' },
    ])
    expect(await deliver('in.dane.test')).toMatchObject([
      { status: 'delivered', host: 'back.unsigned.test', tlsRule: 'opportunistic' },
    ])
  })

  it('defers what DNSSEC refutes', async () => {
    expect(await deliver('forged.test')).toMatchObject([{ status: 'deferred', enhanced: '4.4.3' }])
  })

  it('heeds no record of a resolver that was not declared validating', async () => {
    expect(await deliver('wrong.dane.test', false)).toMatchObject([
      { status: 'delivered', tlsRule: 'opportunistic' },
    ])
  })

  async function deliver(destination: string, trustAd = true) {
    const resolver = createDnsResolver({ servers: [`127.0.0.1:${dnsPort}`], trustAd })
    const transport = createMxTransport({
      resolver,
      hostname: 'mx.paris.test',
      port: smtpPort,
      allowPrivateAddresses: true,
    })
    const delivery = {
      traceId: 'trace',
      destination,
      envelope: { sender: 'alice@paris.test' },
      recipients: [{ address: `bob@${destination}` }],
      message: bytesSource('Subject: Hello\r\n\r\nHello\r\n'),
      attempt: 1,
    }
    try {
      return await transport.deliver(delivery, AbortSignal.timeout(20_000))
    } finally {
      await transport.close()
      await resolver.close()
    }
  }

  /** Signs a zone; resolves to its DS record. */
  async function makeZone(zone: string): Promise<string> {
    const here = join(folder, zone)
    const { output } = await runIn(folder, 'ldns-keygen', ['-a', 'ECDSAP256SHA256', '-k', zone])
    const key = output.trim()
    await writeFile(here, zoneText(zone))
    await runIn(folder, 'ldns-signzone', ['-n', '-f', `${here}.signed`, here, key])
    return (await readFile(join(folder, `${key}.ds`), 'utf8')).trim()
  }

  function zoneText(zone: string): string {
    return `$ORIGIN ${zone}.
$TTL 60
@ IN SOA ns hostmaster 1 3600 900 86400 60
@ IN NS ns
ns IN A 127.0.0.1
@ IN MX 10 mx
wrong IN MX 10 mx2
plain IN MX 10 mx3
mx IN A 127.0.0.1
mx2 IN A 127.0.0.1
mx3 IN A 127.0.0.1
end IN MX 10 to-mx
to-mx IN CNAME mx
_${smtpPort}._tcp.to-mx IN TLSA ${tlsaOf(issuedTls.cert, 3, 1, 1)}
begin IN MX 10 to-mx3
to-mx3 IN CNAME mx3
_${smtpPort}._tcp.to-mx3 IN TLSA ${tlsaOf(issuedTls.cert, 3, 1, 1)}
out IN MX 10 to-outside
to-outside IN CNAME mx.unsigned.test.
_${smtpPort}._tcp.to-outside IN TLSA ${tlsaOf(issuedTls.cert, 3, 1, 1)}
in IN MX 10 back.unsigned.test.
_${smtpPort}._tcp.mx IN TLSA ${tlsaOf(testTls.cert, 3, 1, 1)}
_${smtpPort}._tcp.mx2 IN TLSA ${tlsaOf(issuedTls.cert, 3, 1, 1)}
`
  }

  function unsignedZone(): string {
    return `$ORIGIN unsigned.test.
$TTL 60
@ IN SOA ns hostmaster 1 3600 900 86400 60
@ IN NS ns
ns IN A 127.0.0.1
mx IN A 127.0.0.1
back IN CNAME mx2.dane.test.
_${smtpPort}._tcp.back IN TLSA ${tlsaOf(issuedTls.cert, 3, 1, 1)}
`
  }

  function nsdConfig(port: number): string {
    const zones = zoneNames.map(zone => `zone:\n  name: ${zone}\n  zonefile: ${join(folder, zone)}.signed\n`)
    return `server:
  ip-address: 127.0.0.1@${port}
  username: ""
  zonesdir: ${folder}
  database: ""
  pidfile: ${folder}/nsd.pid
  xfrdfile: ${folder}/xfrd.state
  zonelistfile: ${folder}/zone.list
  xfrdir: ${folder}
  server-count: 1
remote-control:
  control-enable: no
${zones.join('')}`
  }

  function unboundConfig(nsdPort: number, anchors: readonly (string | undefined)[]): string {
    const zones = zoneNames.map(zone => `stub-zone:\n  name: ${zone}\n  stub-addr: 127.0.0.1@${nsdPort}\n`)
    return `server:
  interface: 127.0.0.1
  port: ${dnsPort}
  username: ""
  chroot: ""
  directory: ${folder}
  pidfile: ""
  use-syslog: no
  num-threads: 1
  do-not-query-localhost: no
  module-config: "validator iterator"
  local-zone: "test." nodefault
${anchors.map(anchor => `  trust-anchor: "${anchor?.replace(/\s+/g, ' ')}"\n`).join('')}
remote-control:
  control-enable: no
${zones.join('')}`
  }

  async function write(name: string, content: string): Promise<string> {
    const path = join(folder, name)
    await writeFile(path, content)
    return path
  }

  async function start(command: string, args: readonly string[]): Promise<void> {
    const child = spawn(command, args, { env: pathWithSbin(), stdio: 'ignore' })
    children.push(child)
    await once(child, 'spawn')
  }

  /** Both servers are up once the first answer is there; the resolver waits for it. */
  async function untilServed(): Promise<void> {
    const resolver = createDnsResolver({
      servers: [`127.0.0.1:${dnsPort}`],
      timeout: '1s',
      attempts: 10,
      cache: false,
    })
    try {
      for (let attempt = 0; attempt < 50; attempt++) {
        const answer = await resolver.mx('dane.test')
        if (answer.status === 'found') return
        // There is no event to wait for: these are processes of others, which refuse until they are up.
        await sleep(systemClock, '200ms')
      }
      throw new Error(`unbound did not answer: ${await readdir(folder)}`)
    } finally {
      await resolver.close()
    }
  }
})

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  return port
}

function runIn(folder: string, command: string, args: readonly string[]) {
  return runProgram('sh', ['-c', `cd "$0" && exec "$@"`, folder, command, ...args])
}
