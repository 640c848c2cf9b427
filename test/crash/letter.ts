import type { MessageSource } from '../../src/message/message-source.js'

/** A message whose bytes follow from its id, so that whoever reads it can tell that none is missing. */
export interface Letter {
  readonly id: string
  /** Octets of the body. */
  readonly size: number
  readonly recipients: readonly string[]
}

/** What a client writes after DATA, up to and with the final dot. */
export function letterText({ id, size }: Letter): string {
  const head = `From: sender@other.test\r\nTo: many\r\nSubject: ${id}\r\nX-Letter: ${id} ${size}\r\n\r\n`
  return `${head}${bodyOf(id, size)}`
}

function bodyOf(id: string, size: number): string {
  const line = `This is letter ${id}, and what it has to say goes on for some time.\r\n`
  return `${line.repeat(Math.ceil(size / line.length))}end of ${id}\r\n`
}

/** The id of a letter whose bytes are all there. */
export function readLetter(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('latin1')
  const [, id, size] = /\r\nX-Letter: (\S+) (\d+)\r\n/.exec(text) ?? []
  const whole = id !== undefined && text.endsWith(`\r\n\r\n${bodyOf(id, Number(size))}`)
  if (!whole)
    throw new Error(`a damaged message of ${bytes.length} octets: ${JSON.stringify(text.slice(0, 300))}`)
  return id
}

/** All bytes of a message. */
export async function readBytes(source: MessageSource): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source.open()) chunks.push(chunk)
  return Buffer.concat(chunks)
}
