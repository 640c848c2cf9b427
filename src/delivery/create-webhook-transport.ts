import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type Clock, systemClock, withDeadline } from '../core/clock.js'
import type { Duration } from '../core/duration.js'
import { describeError, MailError } from '../core/error.js'
import { durationSchema, functionSchema, lazy, parseOptions, shapeSchema } from '../core/options.js'
import { readAll } from '../message/sources.js'
import { SlotGate } from './slot-gate.js'
import type { Delivery, RecipientOutcome, Transport } from './transport.js'
import { unlessAborted } from './unless-aborted.js'
import { errorVerdict, localVerdict, type Verdict } from './verdict.js'
import { signWebhook, webhookKey } from './webhook-signature.js'

/** Options of `createWebhookTransport`. */
export interface WebhookTransportOptions {
  /** Where messages are posted to: `https:`, or `http:` for what is near; no login in it. Redirects are not followed. */
  url: string
  /**
   * Signs each request as Standard Webhooks has it; `verifyWebhook` checks that. `whsec_` and base64, or any text. At
   * least 16 octets.
   */
  secret: string
  /** Further headers, such as `authorization`. */
  headers?: Readonly<Record<string, string>>
  /** How long a request may take. Default: `'30s'`. */
  timeout?: Duration
  /** The largest message that is posted, in octets; larger ones return to their sender. Default: 25 MiB. */
  maxSize?: number
  /** Requests under way at once; further ones wait. Default: 5. */
  concurrency?: number
  /** What a status code means. Default: {@link webhookOutcome}. */
  outcome?: (status: number) => 'delivered' | 'deferred' | 'failed'
  /** Default: that of Node.js. */
  fetch?: typeof globalThis.fetch
  /** Default: the machine's. */
  clock?: Clock
}

/** Codes that tell of the service, its deployment or our access to it, not of the message. */
const notAboutTheMessage = new Set([401, 403, 404, 405, 407, 408, 409, 421, 425, 429])

/**
 * 2xx: delivered. 4xx: failed, but deferred where the service or our access to it is meant (401, 403, 404, 405, 407,
 * 408, 409, 421, 425, 429), so that a deployment or a changed secret returns no mail. Everything else: deferred.
 */
export function webhookOutcome(status: number): 'delivered' | 'deferred' | 'failed' {
  if (status >= 200 && status < 300) return 'delivered'
  return status >= 400 && status < 500 && !notAboutTheMessage.has(status) ? 'failed' : 'deferred'
}

const mostOfAnAnswer = 1_000
/** For so long the body of an answer is waited for, in milliseconds: its status says what counts. */
const answerWait = 5_000
const longestRetryAfter = 24 * 3_600_000

const schema = lazy(() =>
  z.strictObject({
    url: z.url({ protocol: /^https?$/, error: 'expected an http: or https: URL' }),
    secret: z
      .string()
      .refine(secret => webhookKey(secret).length >= 16, { error: 'expected at least 16 octets' }),
    headers: z
      .record(z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/), z.string().regex(/^[\t\u0020-\u007e]*$/))
      .default({}),
    timeout: durationSchema.refine(ms => ms > 0, { error: 'expected more than 0' }).prefault('30s'),
    maxSize: z
      .int()
      .min(1)
      .default(25 * 1024 * 1024),
    concurrency: z.int().min(1).max(10_000).default(5),
    outcome: functionSchema<(status: number) => 'delivered' | 'deferred' | 'failed'>('a function').default(
      () => webhookOutcome,
    ),
    fetch: functionSchema<typeof globalThis.fetch>('a function').default(() => globalThis.fetch),
    clock: shapeSchema<Clock>('a clock', ['now', 'monotonic', 'schedule', 'track']).default(
      () => systemClock,
    ),
  }),
)

type Settings = z.output<ReturnType<typeof schema>>

/**
 * Creates a transport that posts each message to a URL as JSON: `traceId`, `attempt`, `sender`, `recipients` and
 * `message` (the bytes in base64). `webhook-id` is the same for every attempt, so that the receiver can pass over what
 * it has; the status code of the answer is the outcome, `Retry-After` the least wait.
 * @throws MailError `OPTION_INVALID`.
 */
export function createWebhookTransport(options: WebhookTransportOptions): Transport {
  const settings = parseOptions('createWebhookTransport', schema(), options)
  const gate = new SlotGate(settings.concurrency)
  const { host, username, password } = new URL(settings.url)
  // fetch takes none, and would tell it in its error. This one tells no URL either.
  if (username !== '' || password !== '')
    throw new MailError(
      'OPTION_INVALID',
      'createWebhookTransport: url: expected no login, which headers can say',
    )
  return {
    deliver: (delivery, signal) => settings.clock.track(deliver(settings, gate, delivery, signal)),
    site: async () => host,
    close: async () => {},
  }
}

async function deliver(
  settings: Settings,
  gate: SlotGate,
  delivery: Delivery,
  signal: AbortSignal,
): Promise<RecipientOutcome[]> {
  const verdict = await attempt(settings, gate, delivery, signal)
  const host = new URL(settings.url).host
  return delivery.recipients.map(({ address }) => ({ recipient: address, host, ...verdict }))
}

async function attempt(
  settings: Settings,
  gate: SlotGate,
  delivery: Delivery,
  signal: AbortSignal,
): Promise<Verdict> {
  const { message, envelope } = delivery
  const { size } = message
  if (envelope.requireTls && new URL(settings.url).protocol !== 'https:') {
    return localVerdict('failed', 'host', '5.7.10', 'REQUIRETLS needs a webhook with https:')
  }
  if (size > settings.maxSize) {
    const reason = `the message has ${size} octets, the webhook takes ${settings.maxSize} at most`
    return localVerdict('failed', 'message', '5.3.4', reason)
  }
  const ending = new AbortController()
  let leave = () => {}
  try {
    leave = await gate.enter(signal)
    const either = AbortSignal.any([signal, ending.signal])
    const work = unlessAborted(() => post(settings, delivery, either), either)
    return await withDeadline(settings.clock, settings.timeout, 'the request', work)
  } catch (thrown) {
    ending.abort(thrown)
    return errorVerdict(thrown)
  } finally {
    leave()
  }
}

async function post(settings: Settings, delivery: Delivery, signal: AbortSignal): Promise<Verdict> {
  const body = await bodyOf(delivery)
  const { traceId, recipients } = delivery
  const named = createHash('sha256').update(JSON.stringify(recipients.map(({ address }) => address)))
  const id = `${traceId}-${named.digest('hex').slice(0, 16)}`
  const timestamp = Math.floor(settings.clock.now() / 1_000)
  const headers = {
    ...settings.headers,
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signWebhook({ id, timestamp, body }, settings.secret),
  }
  const response = await request(settings, { method: 'POST', redirect: 'manual', headers, body, signal })
  return readResponse(settings, response)
}

async function request({ fetch, url }: Settings, options: RequestInit): Promise<Response> {
  try {
    return await fetch(url, options)
  } catch (thrown) {
    const message = `the request failed: ${describeFailure(thrown)}`
    throw new MailError('CONNECT_FAILED', message, { temporary: true, cause: thrown })
  }
}

async function bodyOf({ traceId, attempt, envelope, recipients, message }: Delivery): Promise<string> {
  const bytes = await readAll(message)
  // A message cut short must never be posted as if it were whole.
  if (bytes.length !== message.size)
    throw new MailError('MESSAGE_INCOMPLETE', `the message has ${bytes.length} of ${message.size} octets`)
  return JSON.stringify({
    traceId,
    attempt,
    sender: envelope.sender,
    recipients: recipients.map(({ address }) => address),
    message: bytes.toString('base64'),
  })
}

async function readResponse({ outcome, clock }: Settings, response: Response): Promise<Verdict> {
  const { status } = response
  const kind = outcome(status)
  const beginning = firstOf(response, clock)
  // The receiver has the message by its status: what becomes of the body must not bring it again.
  if (kind === 'delivered') return { status: kind, final: true, scope: 'message', reason: `HTTP ${status}` }
  const text = await beginning
  const reason = text === '' ? `HTTP ${status}` : `HTTP ${status}: ${text}`
  if (kind === 'failed') return localVerdict('failed', 'message', '5.0.0', reason)
  const retryAfter = readRetryAfter(response.headers.get('retry-after'), clock.now())
  const verdict = localVerdict('deferred', 'host', '4.3.0', reason)
  return retryAfter === undefined ? verdict : { ...verdict, retryAfter }
}

/**
 * The beginning of an answer, as far as it comes in time. One that is all there by then leaves its connection to the next
 * request; any other is cut off. Never rejects.
 */
async function firstOf(response: Response, clock: Clock): Promise<string> {
  const reader = response.body?.getReader()
  if (!reader) return ''
  const cut = () => void reader.cancel().catch(() => {})
  const timer = clock.schedule(answerWait, cut)
  const decoder = new TextDecoder()
  let text = ''
  try {
    while (text.length < mostOfAnAnswer) {
      const { done, value } = await reader.read()
      if (done) break
      text += decoder.decode(value, { stream: true })
    }
  } catch {
    // Broken off by the other side: what came has come.
  }
  timer.cancel()
  cut()
  return text.slice(0, mostOfAnAnswer).trim()
}

/** Milliseconds of `Retry-After` (RFC 9110 §10.2.3): seconds, or a date. A day at most. */
function readRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined
  const wait = /^\d{1,9}$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now
  return Number.isFinite(wait) && wait > 0 ? Math.min(wait, longestRetryAfter) : undefined
}

/** fetch tells what went wrong in the cause of its error. */
function describeFailure(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined
  return cause === undefined ? describeError(thrown) : describeError(cause)
}
