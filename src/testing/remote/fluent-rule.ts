import { type Clock, sleep } from '../../core/clock.js'
import { type Duration, toMilliseconds } from '../../core/duration.js'
import { formatReply, reply } from '../../smtp/reply.js'
import type { CountedBy, Matcher, Rule } from './rule.js'
import { drop, endlessly, hangUp, type Step, silence } from './script.js'
import type { ScriptedPeer } from './scripted-peer.js'

/**
 * A rule of a scripted server, written as a sentence: conditions, then what is done. Each step is done after the one
 * before it; a stage whose steps give no answer ends with the polite one. `then` begins the next stage; the last one
 * lasts. Of several rules that fit, the youngest is followed. Disposing of a rule takes it away.
 */
export interface FluentRule extends Disposable {
  /** Follows the rule only when the argument fits as well. */
  when(matcher: Matcher): FluentRule
  /** Ends this stage after so many times. A rule all of whose stages have ended leaves the matter to older ones. */
  times(count: number): FluentRule
  /** Counts `times` and `beyond` apart for each client address, connection, sender or recipient. */
  per(what: CountedBy): FluentRule
  /** Follows the rule with this probability only, drawn from the seed of the server. */
  chance(probability: number): FluentRule
  /** Follows the rule only beyond a rate: a token bucket that holds `count` and fills up in `period`. */
  beyond(count: number, period: Duration): FluentRule
  /** Waits on the clock. What the client says meanwhile is read afterwards. */
  delay(duration: Duration): FluentRule
  /** Says one octet per `interval` from now on, to the end of the connection. */
  tarpit(interval: Duration): FluentRule
  /** Resets the connection once so many more octets have come; after `on.data()`, of the message. */
  dropAfterReceiving(octets: number): FluentRule
  /** Ends the connection once so many more octets were said. */
  dropAfterSending(octets: number): FluentRule
  /**
   * Replies. 421 also ends the connection (RFC 5321 §3.8).
   * @param text - the enhanced code before it, if there is one; one text per line of the reply
   */
  reply(code: number, text?: string | readonly string[]): FluentRule
  /** Does what a polite server does. */
  accept(): FluentRule
  /** Says nothing, ever. */
  silence(): FluentRule
  /** Resets the connection. */
  drop(): FluentRule
  /** Ends the connection. */
  hangUp(): FluentRule
  /** Says `text` over and over, as fast as it is taken. */
  flood(text: string): FluentRule
  /** Does anything else. */
  run(step: Step): FluentRule
  /** Begins the next stage. */
  readonly then: FluentRule
}

/** What rules need of their server. */
export interface RuleSurroundings {
  readonly clock: Clock
  /** Takes a rule away. */
  remove(rule: Rule): void
}

/** Makes the sentence that writes `rule`. */
export function fluentRule(rule: Rule, { clock, remove }: RuleSurroundings): FluentRule {
  const change = (action: () => void): FluentRule => {
    action()
    return fluent
  }
  const step = (one: Step, answers: boolean) =>
    change(() => {
      rule.last.steps.push(one)
      rule.last.answers ||= answers
    })
  const wait =
    (duration: number): Step =>
    peer =>
      sleepUnlessClosed(clock, duration, peer)
  const fluent: FluentRule = {
    when: matcher => change(() => rule.when(matcher)),
    times: count => change(() => Object.assign(rule.last, { times: count })),
    per: what => change(() => Object.assign(rule, { countedBy: what })),
    chance: probability => change(() => Object.assign(rule, { chance: probability })),
    beyond: (count, period) =>
      change(() => Object.assign(rule, { limit: { count, period: toMilliseconds(period, 'beyond') } })),
    delay: duration => step(wait(toMilliseconds(duration, 'delay')), false),
    tarpit: interval => {
      const pace = toMilliseconds(interval, 'tarpit')
      return step(peer => peer.slowDown(pace), false)
    },
    dropAfterReceiving: octets => step(peer => peer.dropAfterReceiving(octets), false),
    dropAfterSending: octets => step(peer => peer.dropAfterSending(octets), false),
    reply: (code, text = '') => step(replying(code, text), true),
    accept: () => step((peer, occasion) => peer.server.actPolitely(peer, occasion), true),
    silence: () => step(silence, true),
    drop: () => step(drop, true),
    hangUp: () => step(hangUp, true),
    flood: text => step(endlessly(text), true),
    run: one => step(one, true),
    // biome-ignore lint/suspicious/noThenProperty: it is no function, so `await` takes no rule for a promise
    get then() {
      rule.addStage()
      return fluent
    },
    [Symbol.dispose]: () => remove(rule),
  }
  return fluent
}

function replying(code: number, text: string | readonly string[]): Step {
  const lines = formatReply(reply(code, undefined, text))
    .split('\r\n')
    .slice(0, -1)
  return peer => {
    peer.say(lines)
    if (code === 421) peer.end()
  }
}

/** A wait that ends with the connection, and then leaves no timer behind. */
async function sleepUnlessClosed(clock: Clock, duration: number, peer: ScriptedPeer): Promise<void> {
  const ending = new AbortController()
  peer.closed.then(() => ending.abort())
  await sleep(clock, duration, ending.signal)
}
