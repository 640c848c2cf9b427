import { execFileSync } from 'node:child_process'
import type { Tool } from '../testing-tools/tools.js'

const python = '/usr/bin/python3'

/** Debian's dkimpy, with what it needs for Ed25519. */
export const dkimpy: Tool = { name: 'python3-dkim', probe: [python, '-c', 'import dkim, nacl'] }

const script = `
import json, sys, dkim
records = json.loads(sys.argv[1])
txt = lambda name, timeout=5: records[name.decode().rstrip('.')].encode()
message = sys.stdin.buffer.read()
verifier = dkim.DKIM(message)
count = sum(1 for name, _ in verifier.headers if name.lower() == b'dkim-signature')
def verdict(index):
    try: return verifier.verify(idx=index, dnsfunc=txt)
    except dkim.DKIMException as problem: return str(problem)
arc = dkim.arc_verify(message, dnsfunc=txt) if sys.argv[2] == 'arc' else None
print(json.dumps({'dkim': [verdict(index) for index in range(count)],
    'arc': arc and [arc[0].decode(), arc[2]]}))
`

/** What dkimpy says of each DKIM signature of a message, and of its ARC chain. */
export function verifyWithDkimpy(
  message: Uint8Array,
  records: Record<string, string>,
  what: 'dkim' | 'arc' = 'dkim',
) {
  const args = ['-c', script, JSON.stringify(records), what]
  const output = execFileSync(python, args, { input: message, encoding: 'utf8' })
  return JSON.parse(output) as { dkim: (boolean | string)[]; arc: [string, string] | null }
}
