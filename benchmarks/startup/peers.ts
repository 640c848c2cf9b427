import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { TestMail } from '../../src/testing/index.js'

/** Who is compared. */
export const peers = ['posthorn', 'maildev', 'smtp-tester', 'bare smtp-server'] as const

export type PeerName = (typeof peers)[number]

/** A server that was started, and how one waits for mail there. */
export interface StartedPeer {
  readonly port: number
  /** Resolves once the next message for an address is stored, and can be looked at. */
  waitFor(address: string): Promise<unknown>
  /** Resolves once so many messages came since the start. */
  waitForCount(count: number): Promise<unknown>
  close(): Promise<unknown>
}

type Arrive = () => void

/** Loads a peer; what it resolves to starts it. The folder holds the packages of the others. */
export async function load(peer: PeerName, folder: string): Promise<(port: number) => Promise<StartedPeer>> {
  const from = (path: string) => import(`${folder}/node_modules/${path}`)
  if (peer === 'posthorn') {
    const url = pathToFileURL(resolve('dist/testing/index.js')).href
    const { createTestMail } = (await import(url)) as typeof import('../../src/testing/index.js')
    return async () => ofPosthorn(await createTestMail())
  }
  if (peer === 'maildev') {
    const { MailDev } = await from('maildev/dist/index.js')
    return port => startMailDev(MailDev, port)
  }
  if (peer === 'smtp-tester') {
    const tester = await from('smtp-tester/lib/index.js')
    return port => startSmtpTester(tester.default, port)
  }
  const { SMTPServer } = await import('smtp-server/lib/smtp-server.js')
  return port => startBare(SMTPServer, port)
}

function ofPosthorn(mail: TestMail): StartedPeer {
  return {
    port: mail.smtp.port,
    waitFor: address => mail.waitForMessage({ to: address }),
    waitForCount: count => mail.waitForMessages(count, {}, { timeout: '60s' }),
    close: () => mail.close(),
  }
}

// biome-ignore-start lint/suspicious/noExplicitAny: packages that are installed for a run, without types here
async function startMailDev(MailDev: any, port: number): Promise<StartedPeer> {
  const maildev = new MailDev({ smtp: port, disableWeb: true, silent: true, ip: '127.0.0.1' })
  const { smtp } = await maildev.start()
  return counted(
    port,
    arrive => smtp.on('new', arrive),
    () => maildev.stop(),
  )
}

async function startSmtpTester(tester: any, port: number): Promise<StartedPeer> {
  const server = tester.init(port)
  const peer = counted(
    port,
    arrive => server.bind(arrive),
    () => new Promise(resolve => server.stop(resolve)),
  )
  return { ...peer, waitFor: address => server.captureOne(address, { wait: 10_000 }) }
}

async function startBare(Server: any, port: number): Promise<StartedPeer> {
  let arrived: Arrive = () => {}
  const kept: Buffer[] = []
  const server = new Server({
    logger: false,
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream: AsyncIterable<Buffer>, _session: unknown, done: () => void) {
      const chunks: Buffer[] = []
      const readable = stream as AsyncIterable<Buffer> & {
        on(event: string, handler: (chunk: Buffer) => void): void
      }
      readable.on('data', chunk => chunks.push(chunk))
      readable.on('end', () => {
        kept.push(Buffer.concat(chunks))
        done()
        arrived()
      })
    },
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  return counted(
    port,
    arrive => {
      arrived = arrive
    },
    () => new Promise(resolve => server.close(resolve)),
  )
}
// biome-ignore-end lint/suspicious/noExplicitAny: as above

/** A peer that tells of each message, but cannot be asked for one. */
function counted(
  port: number,
  listen: (arrive: Arrive) => unknown,
  close: () => Promise<unknown>,
): StartedPeer {
  let count = 0
  const waiting = new Set<() => void>()
  listen(() => {
    count++
    for (const look of waiting) look()
  })
  const waitForCount = (wanted: number) =>
    new Promise<void>(resolve => {
      const look = () => {
        if (count < wanted) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
  return { port, waitFor: () => waitForCount(1), waitForCount, close }
}
