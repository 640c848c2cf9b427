import type { Duration } from '../../core/duration.js'
import { toMilliseconds } from '../../core/duration.js'
import type { Matcher } from './rule.js'
import type { ScriptedPeer } from './scripted-peer.js'

/** How a server greylists (RFC 6647). */
export interface GreylistOptions {
  /** How long somebody new is put off. Default: 5 minutes. */
  wait?: Duration
  /** Within how long they must come back, or begin anew. Default: 24 hours. */
  window?: Duration
  /** How long somebody who came back is known. Default: 35 days. */
  remember?: Duration
  /** The reply to those who are put off. Default: `[451, '4.7.1 Greylisted, come back later']`. */
  reply?: readonly [code: number, text: string]
}

/** Whether a recipient is put off, by client address, sender and recipient (RFC 6647 §2.3). */
export function greylisted(options: GreylistOptions, now: () => number): Matcher {
  const wait = toMilliseconds(options.wait ?? '5m', 'wait')
  const window = toMilliseconds(options.window ?? '24h', 'window')
  const remember = toMilliseconds(options.remember ?? '35d', 'remember')
  const triples = new Map<string, { firstSeen: number; knownUntil: number }>()
  return (recipient: string, peer: ScriptedPeer) => {
    const key = [peer.ends.remoteAddress, peer.sender, recipient].join(' ').toLowerCase()
    const triple = triples.get(key)
    if (triple && now() < triple.knownUntil) {
      triple.knownUntil = now() + remember
      return false
    }
    const age = triple ? now() - triple.firstSeen : Number.POSITIVE_INFINITY
    if (age > window) triples.set(key, { firstSeen: now(), knownUntil: 0 })
    else if (age >= wait && triple) triple.knownUntil = now() + remember
    return !(age >= wait && age <= window)
  }
}
