/** Response codes of `-ERR` (RFC 2449 §8, RFC 3206). */
export type ResponseCode = 'AUTH' | 'SYS/TEMP' | 'SYS/PERM' | 'IN-USE' | 'LOGIN-DELAY'

/** A positive response. The text is ours alone, so nothing of the client can break it. */
export function okLine(text: string): string {
  return `+OK ${text}\r\n`
}

/** A negative response. */
export function errLine(text: string, code?: ResponseCode): string {
  return code === undefined ? `-ERR ${text}\r\n` : `-ERR [${code}] ${text}\r\n`
}
