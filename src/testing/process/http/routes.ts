import { z } from 'zod'
import { durationSchema, lazy } from '../../../core/options.js'
import type { TestMessage } from '../../messages/test-message.js'
import { faultSchema } from '../faults.js'
import { criteriaOf, criteriaSchema, searchOf, searchSchema } from './criteria.js'
import { detailsOf, summaryOf } from './describe-message.js'
import { HttpError, readJson, readQuery } from './request.js'
import type { ApiRequest, Route } from './route.js'

/** Longer waits than this hold a connection for nothing. */
const longestWait = 300_000

const textDuration = lazy(() => z.union([z.number().min(0), z.string()]).pipe(durationSchema))

const timeoutSchema = lazy(() =>
  textDuration()
    .refine(value => value <= longestWait, { error: 'expected 5 minutes at most' })
    .default(4_000)
    .describe("In real time: milliseconds, or a text such as '4s'."),
)

const idleSchema = lazy(() => z.strictObject({ timeout: timeoutSchema() }))

const waitSchema = lazy(() =>
  z.strictObject({
    match: criteriaSchema().default({}),
    timeout: timeoutSchema(),
    after: z.int().min(0).default(0).describe('Only messages with a number above this.'),
  }),
)

const advanceSchema = lazy(() =>
  z.strictObject({
    by: textDuration().describe("Milliseconds, or a text such as '30h'."),
  }),
)

const addresses = lazy(() => z.union([z.string(), z.array(z.string()).max(1_000)]))

const sendSchema = lazy(() =>
  z.strictObject({
    from: z.string(),
    to: addresses(),
    cc: addresses().optional(),
    bcc: addresses().optional(),
    subject: z.string().optional(),
    text: z.string().optional(),
    html: z.string().optional(),
    headers: z.record(z.string(), z.string()).optional(),
  }),
)

/** All ways into the API, in the order of their description. */
export const routes: readonly Route[] = [
  {
    method: 'GET',
    path: '/messages',
    summary:
      'The messages that arrived, or those that a search means, the oldest first unless `order` says otherwise.',
    input: searchSchema(),
    answers: { 200: 'Messages, and as `cursor` what to give as `after` for those that follow.' },
    handle: async ({ mail, url }) => {
      const query = readQuery(url, searchSchema())
      // What arrives while messages are read is behind the cursor.
      const end = mail.cursor()
      const found = await mail.messages(searchOf(query), { after: query.after })
      const page = (query.order === 'newest' ? found.toReversed() : found).slice(0, query.limit)
      const goesOn = query.order === 'oldest' && page.length < found.length
      const cursor = goesOn ? page.at(-1)?.number : end
      return { json: { messages: page.map(summaryOf), cursor } }
    },
  },
  {
    method: 'DELETE',
    path: '/messages',
    summary: 'Forgets all messages, mailboxes and queue entries.',
    answers: { 204: 'Done.' },
    handle: async ({ mail }) => {
      await mail.reset()
      return undefined
    },
  },
  {
    method: 'GET',
    path: '/messages/{id}',
    summary: 'A message: envelope, header, text, attachments, session.',
    answers: { 200: 'The message.', 404: 'There is none of that id.' },
    handle: async request => ({ json: detailsOf(await find(request)) }),
  },
  {
    method: 'DELETE',
    path: '/messages/{id}',
    summary: 'Forgets a message, also in mailboxes. What the queue has of it is still delivered.',
    answers: { 204: 'Done.', 404: 'There is none of that id.' },
    handle: async request => {
      await request.mail.forget(await find(request))
      return undefined
    },
  },
  {
    method: 'GET',
    path: '/messages/{id}/raw',
    summary: 'The octets of a message, exactly as they were sent.',
    answers: { 200: 'The message as message/rfc822.', 404: 'There is none of that id.' },
    handle: async request => ({ bytes: (await find(request)).raw, type: 'message/rfc822' }),
  },
  {
    method: 'GET',
    path: '/messages/{id}/attachments/{index}',
    summary: 'The octets of an attachment, decoded; the first has the index 0.',
    answers: { 200: 'The attachment.', 404: 'There is no such message, or no such attachment in it.' },
    handle: async request => {
      const attachment = /^\d{1,4}$/.test(request.index)
        ? (await find(request)).attachments[Number(request.index)]
        : undefined
      if (!attachment) throw new HttpError(404, 'there is no attachment of that index')
      return { bytes: attachment.content, type: typeOf(attachment.contentType) }
    },
  },
  {
    method: 'POST',
    path: '/wait',
    summary: 'Waits for the first message that is meant; one that arrived already counts.',
    input: waitSchema(),
    answers: { 200: 'The message.', 408: 'None came; `error` says what came instead.' },
    handle: async ({ mail, request, signal }) => {
      const { match, timeout, after } = await readJson(request, waitSchema())
      return { json: detailsOf(await mail.waitForMessage(criteriaOf(match), { timeout, after, signal })) }
    },
  },
  {
    method: 'POST',
    path: '/idle',
    summary: 'Waits until nothing more can come of sessions, and of deliveries that are due.',
    input: idleSchema(),
    answers: { 204: 'The server is at rest.', 408: 'It is not; `error` says what is under way.' },
    handle: async ({ mail, request, signal }) => {
      const { timeout } = await readJson(request, idleSchema())
      await mail.idle({ timeout, signal })
      return undefined
    },
  },
  {
    method: 'POST',
    path: '/send',
    summary: 'Sends a message, as the app under test would get it.',
    input: sendSchema(),
    answers: { 201: 'Where it went.' },
    handle: async ({ mail, request }) => {
      const { cc, bcc, subject, text, html, headers, ...needed } = await readJson(request, sendSchema())
      const given = Object.entries({ cc, bcc, subject, text, html, headers })
      const parts = Object.fromEntries(given.filter(([, value]) => value !== undefined))
      return { status: 201, json: await mail.server.queue.send({ ...needed, ...parts }) }
    },
  },
  {
    method: 'GET',
    path: '/faults',
    summary: 'The faults that clients meet.',
    answers: { 200: 'Faults, and how often each was met.' },
    handle: async ({ faults }) => ({ json: { faults: faults.list() } }),
  },
  {
    method: 'POST',
    path: '/faults',
    summary: 'Adds a fault, such as two refusals of a recipient for now.',
    input: faultSchema(),
    answers: { 201: 'The fault.' },
    handle: async ({ faults, request }) => ({
      status: 201,
      json: faults.add(await readJson(request, faultSchema())),
    }),
  },
  {
    method: 'DELETE',
    path: '/faults',
    summary: 'Takes all faults away.',
    answers: { 204: 'Done.' },
    handle: async ({ faults }) => {
      faults.clear()
      return undefined
    },
  },
  {
    method: 'DELETE',
    path: '/faults/{id}',
    summary: 'Takes a fault away.',
    answers: { 204: 'Done.', 404: 'There is none of that id.' },
    handle: async ({ faults, id }) => {
      if (!faults.remove(id)) throw new HttpError(404, 'there is no fault of that id')
      return undefined
    },
  },
  {
    method: 'GET',
    path: '/clock',
    summary: 'The time of the server.',
    answers: { 200: '`now`, and when the next timer is due, in epoch milliseconds.' },
    handle: async ({ mail }) => ({ json: { now: mail.clock.now(), nextTimer: mail.clock.nextTimer() } }),
  },
  {
    method: 'POST',
    path: '/clock/advance',
    summary: 'Lets time pass: retries, warnings and bounces that fall due on the way happen, in order.',
    input: advanceSchema(),
    answers: { 200: '`now`, in epoch milliseconds.' },
    handle: async ({ mail, request }) => {
      await mail.clock.advance((await readJson(request, advanceSchema())).by)
      return { json: { now: mail.clock.now() } }
    },
  },
]

/** What a message says of itself goes into no header of HTTP unless it is a type. */
function typeOf(contentType: string): string {
  return /^[\w.+-]+\/[\w.+-]+$/.test(contentType) ? contentType : 'application/octet-stream'
}

async function find({ mail, id }: ApiRequest): Promise<TestMessage> {
  const [message] = await mail.messages(each => each.traceId === id)
  if (message) return message
  throw new HttpError(404, 'there is no message of that id')
}
