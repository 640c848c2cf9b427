/** Events of a {@link Pop3Server}. Every payload carries the trace id of the session. */
export interface Pop3ServerEvents {
  /** A client connected and was greeted, or is about to be once TLS stands. */
  'session:opened': { traceId: string; remoteAddress: string; remotePort: number; localPort: number }
  /** A session ended. `reason` says how; `account` is set when somebody had logged in. */
  'session:closed': { traceId: string; remoteAddress: string; account?: string; reason: SessionEnd }
  /** A connection was turned away because of a limit. */
  'session:refused': { traceId: string; remoteAddress: string; limit: 'total' | 'address' }
  /** A user logged in and holds the lock of the mailbox. */
  'session:authenticated': {
    traceId: string
    remoteAddress: string
    account: string
    username: string
    secure: boolean
    messages: number
  }
  /** A login was refused. */
  'auth:failed': { traceId: string; remoteAddress: string; username: string; reason: LoginRefusal }
  /** A message was handed to the connection (RETR), or the top of it (TOP). */
  'message:retrieved': { traceId: string; account: string; uid: number; part: 'whole' | 'top' }
  /** Messages marked by DELE were removed at QUIT. */
  'messages:deleted': { traceId: string; account: string; uids: readonly number[] }
  /** The accounts or the store threw, answered something they must not, or did not answer in time. */
  'handler:failed': { traceId: string; handler: 'accounts' | 'store'; operation: string; error: Error }
}

/** How a session ended. `lost`: the client went without QUIT, and nothing was deleted. */
export type SessionEnd =
  | 'quit'
  | 'lost'
  | 'idle'
  | 'login-timeout'
  | 'errors'
  | 'login-failures'
  | 'tls'
  | 'closing'

/**
 * Why a login was refused: wrong credentials; too many failures of this client; the mailbox is held by another
 * session; the user logged in too recently; accounts or store failed.
 */
export type LoginRefusal = 'credentials' | 'throttled' | 'in-use' | 'login-delay' | 'handler'
