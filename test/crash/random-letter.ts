import { localUsers, remoteDomains } from './host.js'
import type { Letter } from './letter.js'

const locals = localUsers.map(user => `${user}@example.test`)
const remotes = remoteDomains.flatMap(domain => [`ann@${domain}`, `ben@${domain}`])
/** Bounces go to mailboxes of readers who leave them alone, and to somebody else's server. */
const senders = ['alice@example.test', 'carol@example.test', `list@${remoteDomains[0]}`]

/** A letter to some people here and elsewhere. */
export function randomLetter(id: string, random: () => number): Letter {
  const choose = (addresses: readonly string[], chance: number) => addresses.filter(() => random() < chance)
  const recipients = [...choose(locals, 0.4), ...choose(remotes, 0.25)]
  if (recipients.length === 0) recipients.push('alice@example.test')
  const sender = senders[Math.floor(random() * senders.length)] ?? ''
  // The longest are stored piece by piece.
  const size = random() < 0.05 ? 300_000 + random() * 600_000 : random() * 10_000
  return { id, sender, size: Math.floor(size), recipients }
}
