import { isIP, isIPv4, isIPv6 } from 'node:net'

/** A name server to ask. */
export interface ServerAddress {
  readonly address: string
  readonly port: number
  readonly family: 4 | 6
}

const dnsPort = 53

/** Reads `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53` or `[2001:db8::53]:5353`; `undefined` for anything else. */
export function parseServerAddress(text: string): ServerAddress | undefined {
  if (isIP(text) !== 0) return serverAddress(text, dnsPort)
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text)
  const address = match?.[1] ?? match?.[2] ?? ''
  const port = Number(match?.[3] ?? dnsPort)
  const bracketed = match?.[1] !== undefined
  if (!(bracketed ? isIPv6(address) : isIPv4(address)) || port < 1 || port > 65_535) return undefined
  return serverAddress(address, port)
}

/** The notation that {@link parseServerAddress} reads. */
export function formatServerAddress({ address, port, family }: ServerAddress): string {
  return family === 6 ? `[${address}]:${port}` : `${address}:${port}`
}

function serverAddress(address: string, port: number): ServerAddress {
  return { address, port, family: isIPv6(address) ? 6 : 4 }
}
