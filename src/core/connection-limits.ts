import { isIPv6 } from 'node:net'

/** Counts the open connections of a server, in total and per client. */
export interface ConnectionLimits {
  /**
   * Takes a place for a connection from `address`. Resolves to the function that gives the place back, or names
   * the limit that is reached.
   */
  admit(address: string): (() => void) | 'total' | 'address'
}

/** Creates the count of a server's connections. One client is {@link clientBlock}. */
export function createConnectionLimits(limits: { total: number; perAddress: number }): ConnectionLimits {
  const perBlock = new Map<string, number>()
  let total = 0
  const release = (block: string) => {
    total--
    const left = (perBlock.get(block) ?? 1) - 1
    if (left > 0) perBlock.set(block, left)
    else perBlock.delete(block)
  }
  return {
    admit(address) {
      const block = clientBlock(address)
      const open = perBlock.get(block) ?? 0
      if (total >= limits.total) return 'total'
      if (open >= limits.perAddress) return 'address'
      total++
      perBlock.set(block, open + 1)
      let held = true
      return () => {
        if (held) release(block)
        held = false
      }
    },
  }
}

/**
 * What counts as one client: an IPv4 address, or the /64 of an IPv6 address, as one machine has all addresses of
 * its network at hand (RFC 7934 §2).
 */
export function clientBlock(address: string): string {
  const [plain = ''] = address.split('%')
  if (!isIPv6(plain)) return address
  const [before = '', after] = plain.toLowerCase().split('::')
  const head = groups(before)
  const tail = groups(after ?? '')
  const gap = after === undefined ? [] : Array<string>(Math.max(8 - head.length - tail.length, 0)).fill('0')
  return `${[...head, ...gap, ...tail].slice(0, 4).join(':')}::/64`
}

function groups(part: string): string[] {
  if (part === '') return []
  // A dotted end, as in ::ffff:192.0.2.1, stands for two groups.
  return part
    .split(':')
    .flatMap(group => (group.includes('.') ? ['0', '0'] : [group.replace(/^0+(?=.)/, '')]))
}
