import type { Session } from './session.js'

/** The states of a session (RFC 1939 §3). `update` begins with QUIT and ends with its reply. */
export type SessionState = 'authorization' | 'transaction' | 'update'

/** A command of POP3, in a file of its own under `commands/`. */
export interface Command {
  /** In capitals. */
  readonly verb: string
  /** Where it is permitted. */
  readonly states: readonly SessionState[]
  /**
   * Does it and replies. `argument` is what followed the verb. A command that has nothing to wait for returns
   * nothing, so that pipelined ones cost no turn.
   */
  run(session: Session, argument: string): Promise<void> | undefined
}
