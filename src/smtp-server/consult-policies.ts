import type { MailError } from '../core/error.js'
import type { Policy, PolicyAnswer, SmtpSession } from '../policy/policy.js'
import { type PolicyOutcome, type PolicyPhase, runPolicies } from '../policy/run-policies.js'
import type { Session } from './session.js'

type Ask = (policy: Policy, session: SmtpSession) => PolicyAnswer

/** Whether any policy has a phase. */
export function hasPolicy({ server }: Session, phase: PolicyPhase): boolean {
  return server.policies.policies.some(policy => policy[phase] !== undefined)
}

/** What the policies of a phase decide. */
export function judgeByPolicies(session: Session, phase: PolicyPhase, ask: Ask): Promise<PolicyOutcome> {
  const seen = asPoliciesSee(session)
  const onFailure = (policy: string, at: PolicyPhase, error: MailError) =>
    session.handlers.failed(`policy ${policy}`, error, at)
  return runPolicies({ ...session.server.policies, onFailure }, phase, policy => ask(policy, seen))
}

/** Asks the policies of a phase. Resolves to `undefined`, with the client told, when one refuses. */
export async function consultPolicies(
  session: Session,
  phase: PolicyPhase,
  ask: Ask,
): Promise<readonly string[] | undefined> {
  const outcome = await judgeByPolicies(session, phase, ask)
  if (outcome.action === 'continue') return outcome.headers
  if (outcome.action === 'drop') session.cut('policy')
  else session.reply(outcome.reply)
  return undefined
}

function asPoliciesSee(session: Session): SmtpSession {
  const { id, peer, kind } = session.origin
  return Object.freeze({
    id,
    ...peer,
    kind,
    connectedAt: session.connectedAt,
    extended: session.extended,
    ...(session.hello === undefined ? {} : { hello: session.hello }),
    ...(session.tls === undefined ? {} : { tls: session.tls }),
    ...(session.account === undefined ? {} : { account: session.account.id }),
    ...(session.transaction === undefined ? {} : { traceId: session.transaction.traceId }),
  })
}
