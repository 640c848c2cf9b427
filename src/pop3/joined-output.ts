/** Octets of the buffer that is used again: replies gather to half of it, and a message sent at once has no more. */
const reusedSize = 128 * 1024

let reused: Buffer | undefined

/**
 * Parts of output in one piece; strings are UTF-8. It is good until the next call, of whatever connection, unless
 * {@link keepOutput} is called before: mostly a socket has taken all of it when `write` returns. A buffer of its own for
 * each write has V8 collect all of its heap every few thousand messages.
 */
export function joinOutput(parts: readonly (string | Uint8Array)[]): string | Uint8Array {
  const [first = ''] = parts
  if (parts.length === 1) return first
  if (parts.every(part => typeof part === 'string')) return parts.join('')
  const joined = bufferOf(parts.reduce((size, part) => size + Buffer.byteLength(part), 0))
  let at = 0
  for (const part of parts) {
    if (typeof part === 'string') at += joined.write(part, at)
    else {
      joined.set(part, at)
      at += part.length
    }
  }
  return joined
}

/** Leaves the last output to a socket that could not take all of it. */
export function keepOutput(): void {
  reused = undefined
}

function bufferOf(size: number): Buffer {
  if (size > reusedSize) return Buffer.allocUnsafe(size)
  reused ??= Buffer.allocUnsafeSlow(reusedSize)
  return reused.subarray(0, size)
}
