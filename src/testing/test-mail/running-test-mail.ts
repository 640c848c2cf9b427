import { toMilliseconds } from '../../core/duration.js'
import type { CloseOptions } from '../../core/lifecycle.js'
import { newTraceId } from '../../core/trace.js'
import type { VirtualClock } from '../../core/virtual-clock.js'
import type { DnsZone } from '../../dns/zone/create-dns-zone.js'
import type { MailServer } from '../../mail-server.js'
import type { OutgoingMessage, SentMessage } from '../../queue/outgoing-message.js'
import type { Storage } from '../../storage/storage.js'
import { clearState, type MailState, readState, writeState } from '../isolation/mail-state.js'
import { type SeedMessage, type SeedOptions, seedMail } from '../isolation/seed.js'
import { concerns, type Tenant, tenantDomain } from '../isolation/tenant.js'
import { tenantWorld } from '../isolation/tenant-world.js'
import { readMessage } from '../messages/read-message.js'
import { TestMessage } from '../messages/test-message.js'
import type { Arrival } from '../recording/arrival.js'
import type { KeptMail } from '../recording/kept-mail.js'
import type { MailLog } from '../recording/mail-log.js'
import type { Recorder } from '../recording/recording-storage.js'
import type { RecordedSession, SessionLog } from '../recording/session-log.js'
import type { TraceLog } from '../trace/trace-log.js'
import { EndingQueue } from '../waiting/ending-queue.js'
import { RecordedInbox } from '../waiting/recorded-inbox.js'
import { untilQuiet } from '../waiting/until-idle.js'
import type { WaitWorld } from '../waiting/wait-world.js'
import { CertificateFile } from './certificate-file.js'
import { closeServer } from './close-server.js'
import {
  environment,
  reachableHost,
  type ServiceSettings,
  type SmtpSettings,
  serviceSettings,
  smtpSettings,
  type TestUser,
} from './connection-settings.js'
import type { TestPorts } from './create-test-mail.js'
import type { Locals, RouteTarget } from './locals.js'
import type { TestMailSettings } from './options.js'
import type { TestCertificate } from './test-certificate.js'
import type { TestMail } from './test-mail.js'

/** What a test mail is made of. */
export interface TestMailParts {
  readonly settings: TestMailSettings
  readonly clock: VirtualClock
  readonly dns: DnsZone
  readonly tls: TestCertificate
  readonly log: MailLog
  readonly kept: KeptMail
  readonly recorder: Pick<Recorder, 'stored'>
  readonly sessions: SessionLog
  readonly traces: TraceLog
  readonly locals: Locals
  readonly server: MailServer
  readonly storage: Storage
}

/** A test mail that listens. */
export class RunningTestMail extends RecordedInbox implements TestMail {
  readonly hostname: string
  readonly smtp: SmtpSettings
  readonly pop3: ServiceSettings
  readonly tls: TestMail['tls']
  readonly clock: VirtualClock
  readonly dns: DnsZone
  readonly server: MailServer
  readonly #parts: TestMailParts
  readonly #world: WaitWorld
  readonly #closed: AbortController
  readonly #caFile: CertificateFile
  readonly #queue: EndingQueue
  #closing: Promise<void> | undefined

  constructor(parts: TestMailParts, ports: TestPorts) {
    const closed = new AbortController()
    const queue = new EndingQueue(parts.server.queue)
    const world = waitWorld(parts, queue, closed.signal)
    super(world)
    this.#queue = queue
    this.#world = world
    this.#parts = parts
    this.#closed = closed
    const { settings, tls } = parts
    const host = reachableHost(settings.host)
    this.hostname = settings.hostname
    this.smtp = smtpSettings(
      serviceSettings('smtp', host, ports.smtp, ports.smtps),
      userOf(settings),
      tls.cert,
    )
    this.pop3 = serviceSettings('pop3', host, ports.pop3, ports.pop3s)
    this.#caFile = new CertificateFile(tls.cert)
    this.tls = { ...tls, ca: tls.cert }
    this.clock = parts.clock
    this.dns = parts.dns
    this.server = parts.server
  }

  get sessions(): readonly RecordedSession[] {
    return this.#parts.sessions.sessions
  }

  env(prefix = ''): Record<string, string> {
    return environment(this.smtp, this.pop3, { prefix, caFile: this.#caFile.path })
  }

  onArrival(listener: (arrival: Arrival) => void): () => void {
    return this.#parts.log.onArrival(listener)
  }

  route(domain: string, target: RouteTarget): void {
    this.#parts.locals.route(domain, target, this.dns)
  }

  send(message: OutgoingMessage): Promise<SentMessage> {
    return this.server.queue.send(message)
  }

  tenant(): Tenant {
    const domain = tenantDomain()
    const login = { user: `test@${domain}`, password: newTraceId() }
    this.#parts.locals.addTenant(domain, login.password)
    const smtp = smtpSettings(this.smtp, login, this.tls.ca)
    const { pop3 } = this
    return Object.assign(new RecordedInbox(tenantWorld(this.#world, domain), concerns(domain)), {
      ...login,
      domain,
      smtp,
      pop3,
      address: (localPart: string) => `${localPart}@${domain}`,
      env: (prefix = '') => environment(smtp, pop3, { prefix, caFile: this.#caFile.path }),
    })
  }

  async snapshot(): Promise<MailState> {
    return { arrivals: this.#parts.log.after(), ...(await readState(this.server.store)) }
  }

  async restore(state: MailState): Promise<void> {
    const { log, storage, clock } = this.#parts
    const { queue, store } = this.server
    const { paused } = queue
    queue.pause()
    try {
      await clearState(store)
      await writeState(store, storage, state, clock.now())
      log.replace(state.arrivals)
    } finally {
      if (!paused) queue.resume()
    }
  }

  forget({ number }: Pick<TestMessage, 'number'>): Promise<void> {
    return this.#parts.kept.forget(number)
  }

  async reset(): Promise<void> {
    await untilQuiet(this.#world, this.#world.waitTimeout)
    this.#parts.sessions.clear()
    await this.#parts.recorder.stored()
    await clearState(this.server.store)
    this.#parts.log.replace([])
  }

  seed(source: string | readonly SeedMessage[], options: SeedOptions = {}): Promise<number> {
    return seedMail(this.server, source, options)
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The test is over: nobody waits for sessions that its clients left open. */
  async #close({ grace = 0 }: CloseOptions): Promise<void> {
    const { server, settings, sessions, traces, storage, clock } = this.#parts
    this.#closed.abort()
    await this.#queue.end()
    const period = toMilliseconds(grace, 'close: grace')
    await closeServer(server, clock, period).finally(async () => {
      sessions.stop()
      traces.stop()
      this.#caFile.remove()
      if (!settings.server?.storage) await storage.close()
    })
  }
}

function waitWorld(parts: TestMailParts, queue: EndingQueue, closed: AbortSignal): WaitWorld {
  const { log, sessions, server, clock, settings } = parts
  const known = new WeakMap<Arrival, Promise<TestMessage>>()
  const context = {
    session: (id: string) => sessions.get(id),
    hostname: settings.hostname,
    dns: parts.dns,
    now: () => clock.now(),
    send: (message: OutgoingMessage) => server.queue.send(message),
    fetch: settings.fetch,
    trace: (traceId: string) => parts.traces.tell(traceId),
  }
  const read = (arrival: Arrival) => {
    const before = known.get(arrival)
    if (before) return before
    const message = readMessage(arrival.bytes).then(found => new TestMessage(arrival, found, context))
    known.set(arrival, message)
    return message
  }
  return { log, sessions, queue, clock, waitTimeout: settings.waitTimeout, closed, read }
}

/** The first of the users that have a password one can know, or anybody. */
function userOf({ users }: TestMailSettings): TestUser {
  const known = Array.isArray(users) ? users.find(user => typeof user.password === 'string') : undefined
  return known ? { user: known.name, password: known.password } : { user: 'test', password: 'test' }
}
