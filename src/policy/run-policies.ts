import { type Clock, withDeadline } from '../core/clock.js'
import { MailError } from '../core/error.js'
import { isThenable } from '../core/is-thenable.js'
import type { Reply } from '../core/reply.js'
import type { Policy, PolicyAnswer, Verdict } from './policy.js'

/** A phase in which policies are asked. */
export type PolicyPhase = Exclude<keyof Policy, 'name'>

/** What all policies of a phase decided together. */
export type PolicyOutcome =
  /** Headers of every verdict, those of the first policy first. */
  | { readonly action: 'continue'; readonly headers: readonly string[] }
  /** The first policy that defers or rejects, by name, and what the client is told. */
  | { readonly action: 'refuse'; readonly policy: string; readonly reply: Reply }
  /** The first policy that has the connection cut, by name. */
  | { readonly action: 'drop'; readonly policy: string }

/** What policies are run with. */
export interface PolicyRun {
  readonly policies: readonly Policy[]
  readonly clock: Clock
  /** How long one policy may take, in milliseconds. */
  readonly timeout: number
  /** Told of a policy that threw, took too long or answered with something that is no verdict. */
  readonly onFailure: (policy: string, phase: PolicyPhase, error: MailError) => void
}

const defaultDefer: Reply = { code: 451, enhanced: '4.7.1', text: 'Try again later' }
const defaultReject: Reply = { code: 550, enhanced: '5.7.1', text: 'Refused by policy' }
const failed: Reply = { code: 451, enhanced: '4.3.0', text: 'Local error in processing, try again later' }

/**
 * Asks the policies that have a phase, one after another in their order, until one does not continue. A policy that
 * fails defers. Never rejects.
 */
export async function runPolicies(
  run: PolicyRun,
  phase: PolicyPhase,
  ask: (policy: Policy) => PolicyAnswer,
): Promise<PolicyOutcome> {
  const headers: string[] = []
  for (const policy of run.policies) {
    if (policy[phase] === undefined) continue
    const verdict = await verdictOf(run, phase, policy, ask)
    if (verdict?.action === 'continue') headers.push(...(verdict.headers ?? []))
    else if (verdict?.action === 'drop') return { action: 'drop', policy: policy.name }
    else if (verdict) return { action: 'refuse', policy: policy.name, reply: replyOf(verdict) }
  }
  return { action: 'continue', headers }
}

async function verdictOf(
  run: PolicyRun,
  phase: PolicyPhase,
  policy: Policy,
  ask: (policy: Policy) => PolicyAnswer,
): Promise<Verdict | undefined> {
  const what = `policy ${policy.name} (${phase})`
  try {
    const answer = ask(policy)
    const verdict = isThenable(answer)
      ? await withDeadline(run.clock, run.timeout, what, Promise.resolve(answer))
      : answer
    if (verdict === undefined || isVerdict(verdict)) return verdict
    throw new MailError('DRIVER_CONTRACT', `${what}: answered with something that is no verdict`)
  } catch (thrown) {
    run.onFailure(policy.name, phase, asFailure(what, thrown))
    return { action: 'defer', reply: failed }
  }
}

function asFailure(what: string, thrown: unknown): MailError {
  if (thrown instanceof MailError && (thrown.code === 'TIMEOUT' || thrown.code === 'DRIVER_CONTRACT'))
    return thrown
  return new MailError('HANDLER_FAILED', `${what} failed`, { temporary: true, cause: thrown })
}

function replyOf(verdict: Extract<Verdict, { action: 'defer' | 'reject' }>): Reply {
  return verdict.reply ?? (verdict.action === 'defer' ? defaultDefer : defaultReject)
}

/** Policies are written by the app, perhaps without types: what they answer is looked at before it is used. */
function isVerdict(value: unknown): value is Verdict {
  if (typeof value !== 'object' || value === null) return false
  const { action, headers, reply } = value as { action?: unknown; headers?: unknown; reply?: unknown }
  if (action === 'continue')
    return headers === undefined || (Array.isArray(headers) && headers.every(isHeaderField))
  if (action === 'defer') return reply === undefined || isReply(reply, 400)
  if (action === 'drop') return true
  return action === 'reject' && (reply === undefined || isReply(reply, 500))
}

/** One whole field, folded or not (RFC 5322 §2.2), that cannot end the header or begin another field. */
const headerField = /^[!-9;-~]+:(?:[^\u0000-\u0008\u000a-\u001f\u007f]|\r\n[ \t](?=[^\r\n]*\S))*$/

function isHeaderField(value: unknown): value is string {
  return typeof value === 'string' && headerField.test(value)
}

function isReply(value: unknown, from: number): value is Reply {
  if (typeof value !== 'object' || value === null) return false
  const { code, text } = value as { code?: unknown; text?: unknown }
  const known = typeof code === 'number' && Number.isInteger(code) && code >= from && code < from + 100
  return (
    known &&
    (typeof text === 'string' || (Array.isArray(text) && text.every(line => typeof line === 'string')))
  )
}
