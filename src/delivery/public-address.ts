import { BlockList, isIPv4 } from 'node:net'

/**
 * Addresses that no mail exchanger of the internet has (RFC 6890): this host, private and link-local networks,
 * multicast. An MX record that points there would have this server talk to its neighbours, or to itself.
 */
const notPublic = new BlockList()
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
  notPublic.addSubnet(network, prefix, 'ipv4')
}
for (const [network, prefix] of [
  // Unspecified and loopback.
  ['::', 127],
  // IPv4 in IPv6 clothes.
  ['::ffff:0:0', 96],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
] as const) {
  notPublic.addSubnet(network, prefix, 'ipv6')
}

/** Whether an IP address may be that of a mail exchanger out there. */
export function isPublicAddress(address: string): boolean {
  return !notPublic.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}
