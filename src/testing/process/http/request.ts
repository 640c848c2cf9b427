import type { IncomingMessage } from 'node:http'
import { z } from 'zod'

/** What a request is answered with instead of what it asked for. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** Octets of a request's body, at most. */
const longestBody = 32 * 1024 * 1024

/**
 * The JSON of a request, as the schema wants it. Its type must be `application/json`: a web page cannot send that to
 * another site without asking it first, and it is never told that it may.
 * @throws HttpError 413, 415, 400 naming what is wrong.
 */
export async function readJson<T>(request: IncomingMessage, schema: z.ZodType<T>): Promise<T> {
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/json\s*(?:;|$)/i.test(type)) {
    throw new HttpError(415, `expected a body of application/json, got ${JSON.stringify(type)}`)
  }
  return check(schema, parse(await readBody(request)))
}

/** The parameters behind the question mark, as the schema wants them. @throws HttpError 400. */
export function readQuery<T>(url: URL, schema: z.ZodType<T>): T {
  return check(schema, Object.fromEntries(url.searchParams))
}

function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new HttpError(400, z.prettifyError(result.error))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new HttpError(400, `the body is no JSON: ${error instanceof Error ? error.message : error}`)
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > longestBody) throw new HttpError(413, `a body has ${longestBody} octets at most`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
