import type { DnsZone } from '../../dns/zone/create-dns-zone.js'
import type { FluentRule } from '../remote/fluent-rule.js'
import type { Matcher } from '../remote/rule.js'
import type { Step } from '../remote/script.js'
import type { ScriptedServer } from '../remote/scripted-server.js'
import { providerConditions } from './provider-conditions.js'
import type { ProviderProfile, ProviderRule } from './provider-profile.js'
import type { ProviderOptions } from './test-internet.js'

/** Has a scripted server object to what a provider objects to. */
export function behaveLike(
  server: ScriptedServer,
  profile: ProviderProfile,
  options: ProviderOptions,
  zone: DnsZone,
): void {
  const users = options.users && new Set(options.users.map(name => name.toLowerCase()))
  // The youngest rule of a server goes first, here the first of the list.
  for (const rule of profile.rules.toReversed()) {
    const holds: Matcher = (argument, peer) => providerConditions[rule.name]({ argument, peer, zone, users })
    const begun = beginAt(server, rule, holds).per('client')
    const limit = options.limits?.[rule.name] ?? rule.limit
    if (limit) begun.beyond(limit.count, limit.per)
    begun.run(objection(rule))
  }
}

function beginAt({ on }: ScriptedServer, { at }: ProviderRule, holds: Matcher): FluentRule {
  return on[at](holds)
}

function objection({ code, text }: ProviderRule): Step {
  return peer => {
    const lines = text.map(line => line.replaceAll('{ip}', peer.ends.remoteAddress))
    peer.say(lines.map((line, index) => `${code}${index < lines.length - 1 ? '-' : ' '}${line}`))
    if (code === 421) peer.end()
  }
}
