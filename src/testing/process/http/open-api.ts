import { z } from 'zod'
import type { Route } from './route.js'

/** Where the routes begin. */
export const base = '/api/v1'

/** What a certificate is sent as. */
export const certificateType = 'application/x-pem-file'

/** The description of the API (OpenAPI 3.1), made of its routes. */
export function describeApi(routes: readonly Route[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const at = `${base}${route.path}`
    paths[at] = { ...paths[at], [route.method.toLowerCase()]: operation(route) }
  }
  paths[`${base}/events`] = {
    get: {
      summary: 'What happens from now on, as server-sent events.',
      responses: { 200: { description: 'A stream.', content: { 'text/event-stream': {} } } },
    },
  }
  paths['/ca.pem'] = {
    get: {
      summary: 'The certificate of the encrypted ports and of STARTTLS, to be trusted by clients.',
      responses: { 200: { description: 'PEM.', content: { [certificateType]: {} } } },
    },
  }
  return {
    openapi: '3.1.0',
    info: { title: 'posthorn', version: '1', description: 'A mail server for tests and development.' },
    paths,
  }
}

function operation({ path, summary, input, method, answers }: Route): object {
  const schema = input && z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' })
  const parameters = [...inPath(path), ...(method === 'GET' && schema ? inQuery(schema) : [])]
  const responses = Object.entries(answers).map(([status, description]) => [status, { description }])
  return {
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(method === 'POST' &&
      schema && { requestBody: { required: true, content: { 'application/json': { schema } } } }),
    responses: { ...Object.fromEntries(responses), default: { description: '`error` says what is wrong.' } },
  }
}

function inPath(path: string): object[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
  return names.map(name => ({ name, in: 'path', required: true, schema: { type: 'string' } }))
}

function inQuery({ properties = {} }: z.core.JSONSchema.BaseSchema): object[] {
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', schema }))
}
