import { localUsers, remoteDomains } from './host.js'
import type { Letter } from './letter.js'

const locals = localUsers.map(user => `${user}@example.test`)
/** So many that an address which was refused, and gets no more mail, comes up again now and then. */
const remotesPerDomain = 1_000
/** Bounces go to mailboxes of readers who leave them alone, and to somebody else's server. */
const senders = ['alice@example.test', 'carol@example.test', `list@${remoteDomains[0]}`]

/** A letter to some people here and elsewhere. */
export function randomLetter(id: string, random: () => number): Letter {
  const choose = (addresses: readonly string[], chance: number) => addresses.filter(() => random() < chance)
  const remotes = [...remoteDomains, ...remoteDomains].map(
    domain => `someone${Math.floor(random() * remotesPerDomain)}@${domain}`,
  )
  const recipients = [...new Set([...choose(locals, 0.4), ...choose(remotes, 0.25)])]
  if (recipients.length === 0) recipients.push('alice@example.test')
  const sender = senders[Math.floor(random() * senders.length)] ?? ''
  // The longest are stored piece by piece.
  const size = random() < 0.05 ? 300_000 + random() * 600_000 : random() * 10_000
  return { id, sender, size: Math.floor(size), recipients }
}
