import { systemClock } from '../../core/clock.js'
import { MailError } from '../../core/error.js'
import { parseOptions } from '../../core/options.js'
import { createSimulatedNetwork } from '../../core/simulated-network.js'
import { createVirtualClock, type VirtualClock } from '../../core/virtual-clock.js'
import { createMailServer } from '../../create-mail-server.js'
import { createDnsZone, type DnsZone } from '../../dns/zone/create-dns-zone.js'
import type { MailServer } from '../../mail-server.js'
import { createRouter } from '../../routing/create-router.js'
import { memoryStorage } from '../../storage/memory/memory-storage.js'
import { KeptMail } from '../recording/kept-mail.js'
import { MailLog } from '../recording/mail-log.js'
import { createRecorder } from '../recording/recording-storage.js'
import { SessionLog } from '../recording/session-log.js'
import { TraceLog } from '../trace/trace-log.js'
import { accountsOf } from './any-accounts.js'
import { reachableHost } from './connection-settings.js'
import { Locals } from './locals.js'
import { type TestMailOptions, type TestMailSettings, testMailSchema } from './options.js'
import { RunningTestMail } from './running-test-mail.js'
import { createTestCertificate, type TestCertificate } from './test-certificate.js'
import type { TestMail } from './test-mail.js'

/**
 * Starts a mail server for tests: SMTP and POP3 on free ports of loopback, in memory, in milliseconds. It takes any
 * user and password, and mail for every address, unless it is told otherwise; nothing leaves the machine.
 *
 * ```ts
 * await using mail = await createTestMail()
 * const transport = nodemailer.createTransport(mail.smtp.settings)
 * ```
 * @throws MailError `OPTION_INVALID`, `PORT_IN_USE`, `LISTEN_FAILED`.
 */
export async function createTestMail(options: TestMailOptions = {}): Promise<TestMail> {
  const settings = parseOptions('createTestMail', testMailSchema(), options)
  const clock = settings.clock ?? createVirtualClock({ start: systemClock.now(), runs: true })
  const dns = settings.dns ?? createDnsZone()
  const tls = createTestCertificate({ names: certificateNames(settings) })
  const log = new MailLog()
  const storage = settings.server?.storage ?? memoryStorage()
  const kept = new KeptMail(log, storage.mail, settings.maxMessages)
  const recorder = createRecorder(storage, { kept, isForgotten: id => sessions.isForgotten(id) })
  const locals = new Locals(settings.domains)
  const server = createServer(settings, { clock, dns, tls, recorder, locals })
  const sessions: SessionLog = new SessionLog(server.smtp)
  const traces = new TraceLog(server, log, () => clock.now())
  server.smtp.on('message:rejected', ({ traceId }) => recorder.forget(traceId))
  const world = { settings, clock, dns, tls, log, kept, recorder, sessions, traces, locals, server, storage }
  try {
    return new RunningTestMail(world, await listen(server, settings))
  } catch (error) {
    await server.close({ grace: 0 })
    throw error
  }
}

interface Parts {
  readonly clock: VirtualClock
  readonly dns: DnsZone
  readonly tls: TestCertificate
  readonly recorder: ReturnType<typeof createRecorder>
  readonly locals: Locals
}

function createServer(settings: TestMailSettings, parts: Parts): MailServer {
  const { clock, dns, tls, recorder, locals } = parts
  const { hostname, domains, server: given = {} } = settings
  const accounts = locals.accounts(accountsOf(settings))
  const router = createRouter({ domains: domain => locals.isLocal(domain), accounts })
  return createMailServer({
    hostname,
    domains: domains ?? [hostname],
    accounts,
    resolver: dns,
    tls,
    ...given,
    clock,
    network: locals.network(settings.network ?? createSimulatedNetwork().host('192.0.2.1')),
    storage: recorder.storage,
    policies: [...(given.policies ?? []), recorder.policy],
    smtp: {
      router,
      allowInsecureAuth: true,
      limits: { connections: 10_000, connectionsPerAddress: 10_000 },
      ...given.smtp,
    },
    pop3: { allowInsecureAuth: true, ...given.pop3 },
  })
}

function certificateNames({ hostname, host, domains = [] }: TestMailSettings): string[] {
  return [...new Set([hostname, 'localhost', ...domains, '127.0.0.1', '::1', reachableHost(host)])]
}

/** The listeners of a test mail. */
export type TestPorts = { readonly [Service in 'smtp' | 'smtps' | 'pop3' | 'pop3s']: number }

async function listen(
  { smtp, pop3 }: MailServer,
  { host, ports, tls }: TestMailSettings,
): Promise<TestPorts> {
  const listeners = await Promise.all([
    smtp.listen({ host, port: ports.smtp, tls: tls ? 'starttls' : 'none' }),
    smtp.listen({ host, port: ports.smtps, tls: 'implicit' }),
    pop3.listen({ host, port: ports.pop3, tls: tls ? 'stls' : 'none' }),
    pop3.listen({ host, port: ports.pop3s, tls: 'implicit' }),
  ])
  const [a, b, c, d] = listeners.map(listener => listener.port)
  if (a === undefined || b === undefined || c === undefined || d === undefined) {
    throw new MailError('LISTEN_FAILED', 'createTestMail: a listener has no port')
  }
  return { smtp: a, smtps: b, pop3: c, pop3s: d }
}
