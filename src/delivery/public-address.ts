import { BlockList, isIPv4 } from 'node:net'

/**
 * Addresses that no mail exchanger of the internet has (RFC 6890): this host, private and link-local networks,
 * multicast, what is for benchmarks. An MX record that points there would have this server talk to its neighbours, or to
 * itself. Networks for documentation are left in: they lead nowhere, and tests live there.
 */
const networks4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const
const notPublic4 = new BlockList()
for (const [network, prefix] of networks4) notPublic4.addSubnet(network, prefix, 'ipv4')

/** A list of its own: in one with IPv4, BlockList would take every IPv4 address to be in `::ffff:0:0/96`. */
const notPublic6 = new BlockList()
for (const [network, prefix] of [
  // Unspecified, loopback, and IPv4 in IPv6 clothes.
  ['::', 96],
  ['::ffff:0:0', 96],
  // NAT64 of a network's own (RFC 8215), and the discard prefix.
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['fc00::', 7],
  // Link-local, and the site-local addresses of old.
  ['fe80::', 9],
  ['ff00::', 8],
] as const) {
  notPublic6.addSubnet(network, prefix, 'ipv6')
}
// What NAT64 (RFC 6052 §3.1) and 6to4 (RFC 3056 §2) would lead to them.
for (const [network, prefix] of networks4) {
  const [a = 0, b = 0, c = 0] = network.split('.').map(Number)
  notPublic6.addSubnet(`64:ff9b::${network}`, 96 + prefix, 'ipv6')
  notPublic6.addSubnet(`2002:${hex(a, b)}:${hex(c, 0)}::`, 16 + prefix, 'ipv6')
}

function hex(high: number, low: number): string {
  return (high * 256 + low).toString(16)
}

/** Whether an IP address may be that of a mail exchanger out there. */
export function isPublicAddress(address: string): boolean {
  return isIPv4(address) ? !notPublic4.check(address, 'ipv4') : !notPublic6.check(address, 'ipv6')
}
