import { createServer, type Server } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { Listener } from '../../core/network.js'
import type { TestCertificate } from '../test-mail/test-certificate.js'
import type { MtaStsPolicy, Place } from './test-internet.js'

/** Serves the MTA-STS policy of a domain over HTTPS (RFC 8461 §3.3). */
export class PolicyServer {
  readonly #server: Server
  #policy = ''
  #listener: Listener | undefined

  constructor() {
    this.#server = createServer((request, response) => {
      const found = request.url === '/.well-known/mta-sts.txt'
      response.writeHead(found ? 200 : 404, { 'content-type': 'text/plain' })
      response.end(found ? this.#policy : '')
    })
  }

  async open({ network }: Place, certificate: TestCertificate): Promise<void> {
    this.#listener = await network.listen({ host: '0.0.0.0', port: 443 }, socket => {
      const secure = new TLSSocket(socket, { isServer: true, ...certificate })
      secure.on('error', () => {})
      this.#server.emit('connection', secure)
    })
  }

  publish({ mode, mx, maxAge = 604_800 }: MtaStsPolicy): void {
    const exchangers = mx.map(name => `mx: ${name}\r\n`).join('')
    this.#policy = `version: STSv1\r\nmode: ${mode}\r\n${exchangers}max_age: ${maxAge}\r\n`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await this.#listener?.close()
  }
}
