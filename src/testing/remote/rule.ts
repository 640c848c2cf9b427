import type { Occasion, ScriptPoint, Step } from './script.js'
import type { ScriptedPeer } from './scripted-peer.js'
import { TokenBucket } from './token-bucket.js'

/** What is counted apart: each client address, each connection, each sender, each recipient. */
export type CountedBy = 'client' | 'connection' | 'sender' | 'recipient'

/** What an argument must be: a text in any case, a pattern, or whatever a function says. */
export type Matcher =
  | string
  | RegExp
  | ((argument: string, peer: ScriptedPeer, occasion: Occasion) => boolean)

/** One stage of a rule: what is done, and how many times. */
interface Stage {
  times: number
  readonly steps: Step[]
  /** Whether one of the steps answers; without one, the answer is the polite one. */
  answers: boolean
}

/** What is done at a point of the conversation, and when. */
export class Rule {
  readonly stages: Stage[] = [newStage()]
  countedBy: CountedBy | undefined
  chance = 1
  limit: { readonly count: number; readonly period: number } | undefined
  readonly #point: ScriptPoint | 'any'
  readonly #matchers: Matcher[] = []
  /** How often it was followed, and what is left of its limit, by what is counted apart. */
  readonly #followed = new Map<unknown, number>()
  readonly #buckets = new Map<unknown, TokenBucket>()

  constructor(point: ScriptPoint | 'any') {
    this.#point = point
  }

  /** The stage that steps are added to. */
  get last(): Stage {
    return this.stages.at(-1) ?? newStage()
  }

  when(matcher: Matcher): void {
    this.#matchers.push(matcher)
  }

  addStage(): void {
    this.stages.push(newStage())
  }

  /** What to do on an occasion, or `undefined` when the rule says nothing about it. Counts. */
  follow(
    occasion: Occasion,
    peer: ScriptedPeer,
    now: number,
    random: () => number,
  ): readonly Step[] | undefined {
    if (!this.#fits(occasion, peer)) return undefined
    if (this.chance < 1 && random() >= this.chance) return undefined
    const key = this.#key(occasion, peer)
    if (!this.#isBeyondLimit(key, now)) return undefined
    const stage = this.#stageAt(this.#followed.get(key) ?? 0)
    if (!stage) return undefined
    this.#followed.set(key, (this.#followed.get(key) ?? 0) + 1)
    return stage.steps
  }

  /** Whether `steps` of this rule answer the client. */
  answers(steps: readonly Step[]): boolean {
    return this.stages.some(stage => stage.steps === steps && stage.answers)
  }

  #fits(occasion: Occasion, peer: ScriptedPeer): boolean {
    const { point, argument, line } = occasion
    if (this.#point !== 'any' && this.#point !== point) return false
    if (this.#point === 'any' && (point === 'greeting' || point === 'dot')) return false
    const text = this.#point === 'any' ? line : argument
    return this.#matchers.every(matcher => matches(matcher, text, peer, occasion))
  }

  #isBeyondLimit(key: unknown, now: number): boolean {
    if (!this.limit) return true
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.limit.count, this.limit.period, now)
    this.#buckets.set(key, bucket)
    return !bucket.take(now)
  }

  #stageAt(time: number): Stage | undefined {
    let before = 0
    for (const stage of this.stages) {
      // A stage that nothing was said of, as after a `then` that ends a rule, hands on to other rules.
      if (stage.steps.length === 0) return undefined
      before += stage.times
      if (time < before) return stage
    }
    return undefined
  }

  #key({ point, argument, recipient }: Occasion, peer: ScriptedPeer): unknown {
    if (this.countedBy === 'client') return peer.ends.remoteAddress
    if (this.countedBy === 'connection') return peer
    if (this.countedBy === 'sender') return point === 'MAIL' ? argument : peer.sender
    if (this.countedBy === 'recipient')
      return point === 'RCPT' ? argument : (recipient ?? peer.recipients.join(' '))
    return undefined
  }
}

function newStage(): Stage {
  return { times: Number.POSITIVE_INFINITY, steps: [], answers: false }
}

function matches(matcher: Matcher, text: string, peer: ScriptedPeer, occasion: Occasion): boolean {
  if (typeof matcher === 'function') return matcher(text, peer, occasion)
  if (typeof matcher === 'string') return matcher.toLowerCase() === text.toLowerCase()
  return new RegExp(matcher.source, matcher.flags.replace(/[gy]/g, '')).test(text)
}
