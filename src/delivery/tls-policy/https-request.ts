import http from 'node:http'
import type net from 'node:net'
import tls from 'node:tls'
import { type Clock, withDeadline } from '../../core/clock.js'
import { describeError, MailError } from '../../core/error.js'
import type { Network } from '../../core/network.js'
import type { Resolver } from '../../dns/resolver.js'
import { isPublicAddress } from '../public-address.js'

/** What requests over HTTPS are made with. */
export interface HttpsContext {
  readonly resolver: Resolver
  readonly network: Network
  readonly clock: Clock
  readonly secureContext: tls.SecureContext
  readonly allowPrivateAddresses: boolean
}

/** One request. */
export interface HttpsRequest {
  readonly host: string
  readonly port: number
  readonly path: string
  readonly method: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Whether the certificate must be trusted and name the host. */
  readonly verify: boolean
  /** Octets of the answer that are taken. */
  readonly limit: number
  /** Milliseconds for all of it. */
  readonly timeout: number
}

/** An answer; redirects are answers too, and not followed. */
export interface HttpsAnswer {
  readonly status: number
  readonly type: string
  readonly body: Buffer
}

const mostAddresses = 4

/**
 * Makes one request over HTTPS through the network and clock of the host.
 * @throws MailError `CONNECT_FAILED`, `TLS_FAILED` (the certificate), `TIMEOUT`, `CONNECTION_LOST`, all temporary.
 */
export async function httpsRequest(request: HttpsRequest, context: HttpsContext): Promise<HttpsAnswer> {
  const ending = new AbortController()
  const work = converse(request, context, ending.signal)
  const what = `asking https://${request.host}`
  try {
    return await withDeadline(context.clock, request.timeout, what, work)
  } finally {
    ending.abort()
    work.catch(() => {})
  }
}

async function converse(
  request: HttpsRequest,
  context: HttpsContext,
  signal: AbortSignal,
): Promise<HttpsAnswer> {
  const plain = await connect(request, context, signal)
  signal.addEventListener('abort', () => plain.destroy(), { once: true })
  const socket = await secure(plain, request, context)
  return exchange(socket, request)
}

async function connect(
  { host, port }: HttpsRequest,
  { resolver, network, allowPrivateAddresses }: HttpsContext,
  signal: AbortSignal,
): Promise<net.Socket> {
  const found = await resolver.addresses(host, { signal })
  const all = found.status === 'found' ? found.records.map(record => record.address) : []
  const addresses = allowPrivateAddresses ? all : all.filter(isPublicAddress)
  let problem: unknown = new MailError('CONNECT_FAILED', `${host} has no address`, { temporary: true })
  for (const address of addresses.slice(0, mostAddresses)) {
    try {
      return await network.connect({ host: address, port, signal })
    } catch (error) {
      problem = error
    }
  }
  throw problem
}

function secure(
  socket: net.Socket,
  { host, verify }: HttpsRequest,
  { secureContext }: HttpsContext,
): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    const wrapped = tls.connect({ socket, host, servername: host, secureContext, rejectUnauthorized: verify })
    const fail = (error: unknown) => {
      socket.destroy()
      const message = `TLS with ${host} failed: ${describeError(error)}`
      const code = wrapped.authorizationError ? 'TLS_FAILED' : 'CONNECTION_LOST'
      reject(new MailError(code, message, { temporary: true, cause: error }))
    }
    wrapped.once('secureConnect', () => resolve(wrapped))
    wrapped.on('error', fail)
    wrapped.once('close', () => fail('it was closed'))
  })
}

function exchange(socket: tls.TLSSocket, request: HttpsRequest): Promise<HttpsAnswer> {
  const { host, port, path, method, headers, body, limit } = request
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      socket.destroy()
      const message = `${host} did not answer as a server should: ${describeError(error)}`
      reject(new MailError('CONNECTION_LOST', message, { temporary: true, cause: error }))
    }
    const length = body && { 'content-length': body.length }
    const place = port === 443 ? host : `${host}:${port}`
    const fields = { ...headers, host: place, connection: 'close', ...length }
    const sent = http.request({ method, path, headers: fields, createConnection: () => socket }, answer => {
      const chunks: Buffer[] = []
      let size = 0
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > limit) fail(`it sent more than ${limit} octets`)
        else chunks.push(chunk)
      })
      answer.once('error', fail)
      answer.once('end', () => {
        socket.destroy()
        const type = answer.headers['content-type'] ?? ''
        resolve({ status: answer.statusCode ?? 0, type, body: Buffer.concat(chunks) })
      })
    })
    sent.once('error', fail)
    sent.end(body)
  })
}
