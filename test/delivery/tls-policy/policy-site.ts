import type net from 'node:net'
import tls from 'node:tls'
import type { Network } from '../../../src/core/network.js'
import { issuedTls } from '../../fixtures/tls.js'

/** A request, and what answers it. */
export interface SiteAnswer {
  status?: number
  type?: string
  body: string | Buffer
  /** Whether nothing is said at all. */
  silent?: boolean
  /** Whether connections are cut at once. */
  dropped?: boolean
}

/** A web server over TLS on port 443 of a simulated network, or another. */
export async function createPolicySite(
  network: Network,
  address: string,
  answer: SiteAnswer,
  credentials: tls.SecureContextOptions = issuedTls,
  port = 443,
) {
  const requests: Buffer[] = []
  const open = new Set<net.Socket>()
  const listener = await network.listen({ host: address, port }, socket => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    if (answer.dropped) socket.destroy()
    const secure = new tls.TLSSocket(socket, { isServer: true, ...credentials })
    secure.on('error', () => {})
    const parts: Buffer[] = []
    secure.on('data', part => {
      parts.push(part)
      const request = Buffer.concat(parts)
      const text = request.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
      if (end === -1 || request.length < end + 4 + length) return
      requests.push(request)
      if (answer.silent) return
      const body = Buffer.from(answer.body)
      const head = `HTTP/1.1 ${answer.status ?? 200} Ok\r\nContent-Type: ${answer.type ?? 'text/plain'}\r\n`
      secure.write(`${head}Location: https://evil.test/\r\nContent-Length: ${body.length}\r\n\r\n`)
      secure.write(body)
    })
  })
  return { requests, answer, open, close: () => listener.close() }
}

/** The text of a policy. */
export function policyText(mode: string, mx: string, maxAge = 86_400): string {
  return `version: STSv1\r\nmode: ${mode}\r\nmx: ${mx}\r\nmax_age: ${maxAge}\r\n`
}
