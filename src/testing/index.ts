export { createSimulatedNetwork, type SimulatedNetwork } from '../core/simulated-network.js'
export { createVirtualClock, type VirtualClock, type VirtualClockOptions } from '../core/virtual-clock.js'
export type { Authority, AuthorityAnswer } from '../dns/authority.js'
export type { RecordType, ResourceRecord } from '../dns/record.js'
export {
  createDnsServer,
  type DnsListenOptions,
  type DnsServer,
  type DnsServerAddress,
} from '../dns/server/create-dns-server.js'
export type { DnsServerOptions } from '../dns/server/options.js'
