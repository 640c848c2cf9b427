import type { MessageSource } from '../../src/message/message-source.js'

/** A message whose bytes follow from its id, so that whoever reads it can tell that none is missing. */
export interface Letter {
  readonly id: string
  readonly sender: string
  /** Octets of the body. */
  readonly size: number
  readonly recipients: readonly string[]
}

/** What a message is: a letter by its id, or a bounce by its Message-ID. */
export interface Mail {
  readonly name: string
  /** What a bounce returns, each as {@link keyOf} has it. */
  readonly returns?: readonly string[]
}

/** Names a message for one recipient. */
export function keyOf(name: string, recipient: string): string {
  return `${name} ${recipient}`
}

/** What a client writes after DATA, up to and with the final dot. */
export function letterText({ id, sender, size }: Letter): string {
  const head = `From: ${sender}\r\nTo: many\r\nSubject: ${id}\r\nX-Letter: ${id} ${size}\r\n\r\n`
  return `${head}${bodyOf(id, size)}`
}

function bodyOf(id: string, size: number): string {
  const line = `This is letter ${id}, and what it has to say goes on for some time.\r\n`
  return `${line.repeat(Math.ceil(size / line.length))}end of ${id}\r\n`
}

/** Tells what a message is. Throws when not all of its bytes are there. */
export function readMail(bytes: Uint8Array): Mail {
  const text = Buffer.from(bytes).toString('latin1')
  const mail = text.includes('\r\nAuto-Submitted: ') ? readBounce(text) : readLetter(text)
  if (mail) return mail
  throw new Error(`a damaged message of ${bytes.length} octets: ${JSON.stringify(text.slice(0, 300))}`)
}

function readLetter(text: string): Mail | undefined {
  const [, name, size] = /\r\nX-Letter: (\S+) (\d+)\r\n/.exec(text) ?? []
  return name !== undefined && text.endsWith(`\r\n\r\n${bodyOf(name, Number(size))}`) ? { name } : undefined
}

function readBounce(text: string): Mail | undefined {
  const [, name] = /\r\nMessage-ID: (\S+)\r\n/.exec(text) ?? []
  const [, boundary] = /\r\n\s+boundary="(.+?)"\r\n/.exec(text) ?? []
  const [, letter] = /\r\nX-Letter: (\S+) /.exec(text) ?? []
  const failed = [...text.matchAll(/\r\nFinal-Recipient: rfc822; ?(\S+)/g)]
  const whole = boundary !== undefined && text.endsWith(`\r\n--${boundary}--\r\n`) && failed.length > 0
  if (!whole || name === undefined || letter === undefined) return undefined
  return { name, returns: failed.map(([, recipient = '']) => keyOf(letter, recipient)) }
}

/** All bytes of a message. */
export async function readBytes(source: MessageSource): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source.open()) chunks.push(chunk)
  return Buffer.concat(chunks)
}
