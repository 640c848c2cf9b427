import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MailError } from '../../../core/error.js'
import { urlHost } from '../../test-mail/connection-settings.js'
import { watch } from '../log-lines.js'
import { EventStream } from './event-stream.js'
import { base, certificateType, describeApi } from './open-api.js'
import { refuseForeign } from './refuse-foreign.js'
import { HttpError } from './request.js'
import type { ApiAnswer, ApiRequest, ApiWorld, Route } from './route.js'
import { routes } from './routes.js'

/** What {@link startHttpApi} serves, and where. */
export interface HttpApiOptions extends ApiWorld {
  readonly host: string
  readonly port: number
  readonly allowHosts: readonly string[]
}

/** The HTTP API of a test mail. */
export interface HttpApi extends AsyncDisposable {
  readonly port: number
  readonly url: string
}

/** Serves a test mail by HTTP. @throws MailError `PORT_IN_USE`, `LISTEN_FAILED`. */
export async function startHttpApi(options: HttpApiOptions): Promise<HttpApi> {
  const events = new EventStream()
  const { mail, host } = options
  const stopWatching = watch(mail, event => events.tell(event))
  const server = createServer((request, response) => void respond(request, response, options, events))
  const port = await listen(server, options)
  return {
    port,
    url: `http://${urlHost(host)}:${port}`,
    [Symbol.asyncDispose]: async () => {
      stopWatching()
      events.close()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function listen(server: Server, { host, port }: HttpApiOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const code = error.code === 'EADDRINUSE' ? 'PORT_IN_USE' : 'LISTEN_FAILED'
      reject(new MailError(code, `HTTP on ${host} port ${port}: ${error.message}`, { cause: error }))
    })
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpApiOptions,
  events: EventStream,
): Promise<void> {
  // Mail is written by anybody: nothing of it may run in the browser of whoever reads it here.
  response.setHeader('content-security-policy', "default-src 'none'; sandbox")
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('cache-control', 'no-store')
  try {
    refuseForeign(request, options.allowHosts)
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (request.method === 'GET' && url.pathname === `${base}/events`) return events.add(response)
    send(response, await answer(request, url, response, options))
  } catch (error) {
    const { status, message } = problemOf(error)
    send(response, { status, json: { error: message } })
  }
}

async function answer(
  request: IncomingMessage,
  url: URL,
  response: ServerResponse,
  world: ApiWorld,
): Promise<ApiAnswer> {
  if (request.method === 'GET' && url.pathname === '/openapi.json') return { json: describeApi(routes) }
  if (request.method === 'GET' && url.pathname === '/ca.pem') {
    return { bytes: Buffer.from(world.mail.tls.ca), type: certificateType }
  }
  const { route, id, index } = findRoute(request.method ?? '', url.pathname)
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const { mail, faults } = world
  return route.handle({ mail, faults, request, url, id, index, signal: gone.signal })
}

function findRoute(method: string, path: string): PathValues & { route: Route } {
  const matches = routes.flatMap(route => {
    const values = matchPath(`${base}${route.path}`, path)
    return values ? [{ route, ...values }] : []
  })
  if (matches.length === 0)
    throw new HttpError(404, 'there is nothing here; /openapi.json says what there is')
  const found = matches.find(({ route }) => route.method === method)
  if (found) return found
  throw new HttpError(405, `expected ${matches.map(({ route }) => route.method).join(' or ')} here`)
}

type PathValues = Pick<ApiRequest, 'id' | 'index'>

/** What stands in `path` where the pattern has `{id}` and `{index}`, `''` where it has none; `undefined` for another path. */
function matchPath(pattern: string, path: string): PathValues | undefined {
  const wanted = pattern.split('/')
  const given = path.split('/')
  if (wanted.length !== given.length) return undefined
  const standsAt = (name: string) => given[wanted.indexOf(name)] ?? ''
  const fits = wanted.every((part, index) => part.startsWith('{') || part === given[index])
  return fits ? { id: standsAt('{id}'), index: standsAt('{index}') } : undefined
}

function problemOf(error: unknown): { status: number; message: string } {
  if (error instanceof HttpError) return { status: error.status, message: error.message }
  if (!(error instanceof MailError)) return { status: 500, message: 'this failed; it is a fault of posthorn' }
  const status = error.code === 'TIMEOUT' ? 408 : error.temporary ? 503 : 400
  return { status, message: error.message }
}

function send(response: ServerResponse, answer: ApiAnswer): void {
  if (response.destroyed) return
  if (!answer) response.writeHead(204).end()
  else if ('bytes' in answer) response.writeHead(200, { 'content-type': answer.type }).end(answer.bytes)
  else {
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json; charset=utf-8' })
    response.end(JSON.stringify(answer.json))
  }
}
