import type tls from 'node:tls'
import type { Listener, ListenOptions } from '../../core/network.js'
import { parseOptions } from '../../core/options.js'
import { readTlsOptions, type TlsOptions } from '../../core/tls-credentials.js'
import { answerAuth } from './answer-auth.js'
import { type FluentRule, fluentRule } from './fluent-rule.js'
import { greylisted } from './greylist.js'
import { inOrder } from './in-order.js'
import { type ScriptedServerOptions, type ScriptedServerSettings, scriptedServerSchema } from './options.js'
import type { PeerServer, ReceivedMessage } from './peer-server.js'
import { Rule } from './rule.js'
import { type Occasion, polite, type Script, type ScriptPoint, type Step } from './script.js'
import { ScriptedPeer } from './scripted-peer.js'
import type { RulePoints, ScriptedServer } from './scripted-server.js'
import { faultyStartTls, type TlsFault } from './tls-fault.js'

/**
 * Creates a mail server that does what it is told to: replies, delays, drops, greylists, limits and faults of TLS,
 * to try out how software that sends mail takes them. Without rules it takes every message.
 *
 * ```
 * remote.on.rcpt(/@slow/).times(2).reply(451, '4.7.1 greylisted').then.accept()
 * ```
 * @throws MailError `OPTION_INVALID`, `CERTIFICATE_UNREADABLE`.
 */
export function createScriptedServer(options: ScriptedServerOptions = {}): ScriptedServer {
  return new RuleServer(parseOptions('createScriptedServer', scriptedServerSchema(), options))
}

class RuleServer implements ScriptedServer, PeerServer {
  readonly connections: ScriptedPeer[] = []
  readonly messages: ReceivedMessage[] = []
  readonly on: RulePoints
  readonly hostname: string
  readonly protocol: PeerServer['protocol']
  readonly clock: PeerServer['clock']
  readonly #settings: ScriptedServerSettings
  readonly #scripts: readonly Script[]
  readonly #listeners: Listener[] = []
  readonly #scriptOf = new Map<ScriptedPeer, { script: Script; times: Map<ScriptPoint, number> }>()
  #rules: Rule[] = []
  #secureContext: tls.SecureContext | undefined
  /** That of the options. */
  readonly #ownContext: tls.SecureContext | undefined
  #tlsFault: TlsFault | undefined
  #served = 0

  constructor(settings: ScriptedServerSettings) {
    this.#settings = settings
    this.#scripts = Array.isArray(settings.script) ? settings.script : [settings.script as Script]
    this.hostname = settings.hostname
    this.protocol = settings.protocol
    this.clock = settings.clock
    if (settings.tls) this.useTls(settings.tls as TlsOptions)
    this.#ownContext = this.#secureContext
    this.on = rulePoints((point, matcher) => this.#add(point, matcher))
  }

  get listeners(): readonly Listener[] {
    return this.#listeners
  }

  async listen(options: ListenOptions = {}): Promise<Listener> {
    const listener = await this.#settings.network.listen(
      options.path === undefined ? { host: '127.0.0.1', port: 0, ...options } : options,
      (socket, ends) => {
        const peer = new ScriptedPeer(socket, ends, this)
        this.#serve(peer)
      },
    )
    this.#listeners.push(listener)
    return listener
  }

  greylist(options: Parameters<ScriptedServer['greylist']>[0] = {}): FluentRule {
    const [code, text] = options.reply ?? [451, '4.7.1 Greylisted, come back later']
    return this.on.rcpt(greylisted(options, () => this.clock.now())).reply(code, text)
  }

  useTls(options: TlsOptions): void {
    this.#secureContext = readTlsOptions('useTls', options as never).context
  }

  breakTls(fault: TlsFault | undefined): void {
    this.#tlsFault = fault
  }

  snapshot(): () => void {
    const [rules, fault, secureContext] = [[...this.#rules], this.#tlsFault, this.#secureContext]
    return () => {
      this.#secureContext = secureContext
      this.#rules = rules
      this.#tlsFault = fault
    }
  }

  reset(): void {
    this.#rules = []
    this.#tlsFault = undefined
    this.#secureContext = this.#ownContext
  }

  async close(): Promise<void> {
    for (const peer of this.#scriptOf.keys()) peer.drop()
    await Promise.all(this.#listeners.splice(0).map(listener => listener.close()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  extensionsFor(peer: ScriptedPeer): readonly string[] {
    const given = this.#scriptOf.get(peer)?.script.extensions ?? this.#settings.extensions
    if (given) return given.filter(one => one.toUpperCase() !== 'STARTTLS' || this.#tlsFault !== 'stripped')
    const offered = ['PIPELINING', '8BITMIME', 'SIZE 10000000', 'ENHANCEDSTATUSCODES', 'CHUNKING']
    const offersTls = this.#secureContext && !peer.secure && this.#tlsFault !== 'stripped'
    return offersTls ? [...offered, 'STARTTLS'] : offered
  }

  tlsOptions(): tls.TLSSocketOptions {
    return this.#secureContext ? { secureContext: this.#secureContext } : {}
  }

  answerStartTls(peer: ScriptedPeer): void {
    if (this.#tlsFault) void this.#do([faultyStartTls[this.#tlsFault]], peer, unoccasioned)
    else if (this.#secureContext) peer.startTls()
    else peer.say(['502 5.5.1 What?'])
  }

  act(peer: ScriptedPeer, occasion: Occasion): unknown {
    const { clock, random } = this.#settings
    if (peer.transaction.isOutOfOrder(occasion.point))
      return this.#actByScript(peer, occasion, '503 5.5.1 Bad sequence of commands')
    for (let index = this.#rules.length - 1; index >= 0; index--) {
      const rule = this.#rules[index]
      const steps = rule?.follow(occasion, peer, clock.now(), random)
      if (!steps) continue
      return this.#do(rule?.answers(steps) ? steps : [...steps, actPolitely], peer, occasion)
    }
    return this.#actByScript(peer, occasion)
  }

  actPolitely(peer: ScriptedPeer, occasion: Occasion): unknown {
    if (occasion.point === 'AUTH') return answerAuth(peer, occasion.argument)
    return this.#do([polite[occasion.point]], peer, occasion)
  }

  take(message: ReceivedMessage): void {
    this.messages.push(message)
  }

  #serve(peer: ScriptedPeer): void {
    const script = this.#scripts[Math.min(this.#served++, this.#scripts.length - 1)] ?? {}
    this.connections.push(peer)
    this.#scriptOf.set(peer, { script, times: new Map() })
    peer.closed.then(() => this.#scriptOf.delete(peer))
    if (this.#settings.implicitTls) peer.encrypt()
    peer.greet()
  }

  #add(point: ScriptPoint | 'any', matcher: Parameters<Rule['when']>[0] | undefined): FluentRule {
    const rule = new Rule(point)
    if (matcher !== undefined) rule.when(matcher)
    this.#rules.push(rule)
    const remove = (gone: Rule) => {
      this.#rules = this.#rules.filter(one => one !== gone)
    }
    return fluentRule(rule, { clock: this.clock, remove })
  }

  #actByScript(peer: ScriptedPeer, occasion: Occasion, otherwise: Step = actPolitely): unknown {
    const { point } = occasion
    const { script, times } = this.#scriptOf.get(peer) ?? {}
    const steps = script?.[point]
    if (steps === undefined) return this.#do([otherwise], peer, occasion)
    const time = times?.get(point) ?? 0
    times?.set(point, time + 1)
    const inTurn = typeof steps === 'object' && 'inTurn' in steps ? steps.inTurn : [steps]
    const step = inTurn[Math.min(time, inTurn.length - 1)]
    return step === undefined ? undefined : this.#do([step], peer, occasion)
  }

  /** Does steps in order; answers with a promise only when one of them takes its time. */
  #do(steps: readonly Step[], peer: ScriptedPeer, occasion: Occasion): unknown {
    return inOrder(steps, step =>
      typeof step === 'function' ? step(peer, occasion) : peer.say(typeof step === 'string' ? [step] : step),
    )
  }
}

const unoccasioned: Occasion = { point: 'STARTTLS', line: 'STARTTLS', argument: '' }

const actPolitely: Step = (peer, occasion) => peer.server.actPolitely(peer, occasion)

function rulePoints(
  add: (point: ScriptPoint | 'any', matcher?: Parameters<Rule['when']>[0]) => FluentRule,
): RulePoints {
  return {
    connect: matcher => add('greeting', matcher),
    ehlo: matcher => add('EHLO', matcher),
    helo: matcher => add('HELO', matcher),
    lhlo: matcher => add('LHLO', matcher),
    startTls: () => add('STARTTLS'),
    auth: matcher => add('AUTH', matcher),
    mail: matcher => add('MAIL', matcher),
    rcpt: matcher => add('RCPT', matcher),
    data: () => add('DATA'),
    bdat: matcher => add('BDAT', matcher),
    message: matcher => add('dot', matcher),
    rset: () => add('RSET'),
    noop: () => add('NOOP'),
    vrfy: matcher => add('VRFY', matcher),
    quit: () => add('QUIT'),
    unknown: matcher => add('unknown', matcher),
    any: matcher => add('any', matcher),
  }
}
