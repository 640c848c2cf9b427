import { runProcess } from '../../../src/testing/process/run-process.js'

/** A process that serves, run in this one. */
export interface ServedProcess extends AsyncDisposable {
  readonly smtp: number
  readonly smtps: number
  readonly pop3: number
  readonly http: number
  /** Lines of its log. */
  readonly lines: string[]
  /** Resolves to its exit code. */
  stop(): Promise<number>
  /** Asks the API; `path` is behind `/api/v1`. */
  api(method: string, path: string, body?: unknown): Promise<Answer>
}

/** Whatever JSON holds; the tests say what it must be. */
export type Json = ReturnType<typeof JSON.parse>

/** An answer of the API. */
export interface Answer {
  readonly status: number
  readonly json: Json
}

/** Runs `posthorn --json` on free ports until it is stopped. */
export async function serveProcess(...args: string[]): Promise<ServedProcess> {
  const lines: string[] = []
  const started = deferred<Record<'smtp' | 'smtps' | 'pop3' | 'http', number>>()
  const stopped = deferred<void>()
  const ports = ['smtp', 'smtps', 'pop3', 'pop3s', 'http'].flatMap(service => [`--${service}`, '0'])
  const ended = runProcess(['--json', ...ports, ...args], {
    out: text => {
      lines.push(...text.trimEnd().split('\n'))
      const first = JSON.parse(lines[0] ?? '{}')
      if (first.event === 'listening') started.resolve(first)
    },
    err: text => started.reject(new Error(text)),
    untilStopped: () => stopped.promise,
  })
  const at = await started.promise
  const stop = () => {
    stopped.resolve()
    return ended
  }
  return {
    ...at,
    lines,
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
    api: async (method, path, body) => {
      const response = await fetch(`http://127.0.0.1:${at.http}/api/v1${path}`, {
        method,
        ...(body !== undefined && {
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json' },
        }),
      })
      const text = await response.text()
      return { status: response.status, json: text === '' ? undefined : JSON.parse(text) }
    },
  }
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<T>((done, fail) => {
    resolve = done
    reject = fail
  })
  return { promise, resolve, reject }
}
