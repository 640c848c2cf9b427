import type { IncomingMessage } from 'node:http'
import type { z } from 'zod'
import type { TestMail } from '../../test-mail/test-mail.js'
import type { Faults } from '../faults.js'

/** What the routes work on. */
export interface ApiWorld {
  readonly mail: TestMail
  readonly faults: Faults
}

/** A request, as a route sees it. */
export interface ApiRequest extends ApiWorld {
  readonly request: IncomingMessage
  readonly url: URL
  /** What stands in the path for `{id}`; `''` where there is nothing. */
  readonly id: string
  /** What stands in the path for `{index}`; `''` where there is nothing. */
  readonly index: string
  /** Aborted once the client is gone. */
  readonly signal: AbortSignal
}

/** What a route answers: JSON, or octets of another type. Nothing is 204. */
export type ApiAnswer =
  | { readonly status?: number; readonly json: unknown }
  | { readonly bytes: Uint8Array; readonly type: string }
  | undefined

/** One way into the API, as it is served and as it is described. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Of literal parts, `{id}` and `{index}`. */
  readonly path: string
  readonly summary: string
  /** Of the JSON body, or of the parameters of a GET. */
  readonly input?: z.ZodType
  /** By status; all else is told by `error`. */
  readonly answers: Readonly<Record<number, string>>
  handle(request: ApiRequest): Promise<ApiAnswer>
}
