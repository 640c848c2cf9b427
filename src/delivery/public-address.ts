import { BlockList, isIPv4 } from 'node:net'

/**
 * Addresses that no mail exchanger of the internet has (RFC 6890): this host, private and link-local networks,
 * multicast. An MX record that points there would have this server talk to its neighbours, or to itself.
 */
const notPublic4 = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 3],
] as const) {
  notPublic4.addSubnet(network, prefix, 'ipv4')
}

/** A list of its own: in one with IPv4, BlockList would take every IPv4 address to be in `::ffff:0:0/96`. */
const notPublic6 = new BlockList()
for (const [network, prefix] of [
  // Unspecified and loopback.
  ['::', 127],
  // IPv4 in IPv6 clothes.
  ['::ffff:0:0', 96],
  ['fc00::', 7],
  // Link-local, and the site-local addresses of old.
  ['fe80::', 9],
  ['ff00::', 8],
] as const) {
  notPublic6.addSubnet(network, prefix, 'ipv6')
}

/** Whether an IP address may be that of a mail exchanger out there. */
export function isPublicAddress(address: string): boolean {
  return isIPv4(address) ? !notPublic4.check(address, 'ipv4') : !notPublic6.check(address, 'ipv6')
}
