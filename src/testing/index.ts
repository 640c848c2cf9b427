export { createSimulatedNetwork, type SimulatedNetwork } from '../core/simulated-network.js'
export { createVirtualClock, type VirtualClock, type VirtualClockOptions } from '../core/virtual-clock.js'
export { createDnsServer } from '../dns/server/create-dns-server.js'
