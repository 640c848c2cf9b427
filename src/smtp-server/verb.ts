import type { Session } from './session.js'

/**
 * Works on one command and answers it. `argument` is what stands behind the verb and a space, `''` for nothing.
 * A verb that throws or rejects has the client told `451 4.3.0`.
 */
export type Verb = (session: Session, argument: string) => void | Promise<void>
