import { execFileSync } from 'node:child_process'

const python = '/usr/bin/python3'

/** What Python's email package reads in a message. */
export interface PythonMessage {
  readonly type: string
  readonly headers: readonly (readonly [string, string])[]
  readonly defects: readonly string[]
  readonly params: Readonly<Record<string, string>>
  /** Decoded, for parts that hold no others. */
  readonly text?: string
  readonly parts: readonly PythonMessage[]
}

const script = `
import email, email.policy, json, sys
def tell(m):
    parts = [tell(p) for p in m.get_payload()] if m.is_multipart() else []
    told = {'type': m.get_content_type(), 'headers': [[k, str(v)] for k, v in m.items()], 'parts': parts,
            'params': dict(m.get_params() or []), 'defects': [type(d).__name__ for d in m.defects]}
    if not parts: told['text'] = m.get_payload(decode=True).decode('utf-8', 'replace')
    return told
print(json.dumps(tell(email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.compat32))))
`

/** Reads a message with Python's email package. */
export function readWithPython(message: Uint8Array): PythonMessage {
  return JSON.parse(
    execFileSync(python, ['-c', script], { input: message, encoding: 'utf8' }),
  ) as PythonMessage
}
