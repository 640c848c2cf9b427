import { readFile, writeFile } from 'node:fs/promises'
import { describeError, MailError } from '../../core/error.js'
import { createTestMail } from '../test-mail/create-test-mail.js'
import type { TestMail } from '../test-mail/test-mail.js'
import { help, parseCommandLine, type ServeCommand } from './command-line.js'
import { Faults } from './faults.js'
import { type HttpApi, startHttpApi } from './http/start-http-api.js'
import { readableLine, watch } from './log-lines.js'

/** The process around it. */
export interface ProcessSurroundings {
  out(text: string): void
  err(text: string): void
  /** Settles when the process is to end. */
  untilStopped(): Promise<unknown>
}

/** Does what the command line asks. Resolves to the exit code: 0, 1 for what failed, 2 for what was asked wrongly. */
export async function runProcess(args: readonly string[], around: ProcessSurroundings): Promise<number> {
  try {
    const command = parseCommandLine(args)
    if (command.kind === 'help') around.out(help)
    else if (command.kind === 'version') around.out(`${await version()}\n`)
    else await serve(command, around)
    return 0
  } catch (error) {
    if (!(error instanceof MailError)) throw error
    const wrong = error.code === 'OPTION_INVALID'
    around.err(`posthorn: ${error.message}${wrong ? '\nSee posthorn --help.' : ''}\n`)
    return wrong ? 2 : 1
  }
}

async function serve(command: ServeCommand, around: ProcessSurroundings): Promise<void> {
  const { http, ...ports } = command.ports
  using faults: Faults = new Faults(() => mail.clock)
  await using mail = await createTestMail({
    host: command.host,
    ports,
    tls: command.startTls,
    server: { policies: [faults.policy], smtp: { policyTimeout: '6m' } },
    ...(command.maxMessages !== undefined && { maxMessages: command.maxMessages }),
    ...(command.domains.length > 0 && { domains: command.domains }),
  })
  const { host, allowHosts } = command
  await using api = await startHttpApi({ mail, faults, host, port: http, allowHosts })
  const log = command.json ? JSON.stringify : readableLine
  watch(mail, event => around.out(`${log(event)}\n`))
  if (command.caFile !== undefined) await writeCertificate(command.caFile, mail.tls.ca)
  // Whoever reads that it listens may end it at once.
  const stopped = around.untilStopped()
  around.out(command.json ? `${JSON.stringify(listening(mail, api))}\n` : welcome(mail, api))
  await stopped
}

async function writeCertificate(path: string, ca: string): Promise<void> {
  try {
    await writeFile(path, ca)
  } catch (cause) {
    throw new MailError('FILE_FAILED', `--ca-file: cannot write ${path}: ${describeError(cause)}`, { cause })
  }
}

function listening(mail: TestMail, api: HttpApi): object {
  const { smtp, pop3 } = mail
  return {
    time: mail.clock.now(),
    event: 'listening',
    smtp: smtp.port,
    smtps: smtp.securePort,
    pop3: pop3.port,
    pop3s: pop3.securePort,
    http: api.port,
  }
}

function welcome(mail: TestMail, api: HttpApi): string {
  return [
    'posthorn takes mail for everybody, and sends none out.',
    `  SMTP  ${mail.smtp.url}   ${mail.smtp.secureUrl}`,
    `  POP3  ${mail.pop3.url}   ${mail.pop3.secureUrl}`,
    `  HTTP  ${api.url}   described at ${api.url}/openapi.json`,
    `  TLS   is by a certificate of its own: ${api.url}/ca.pem is what to trust`,
    '',
  ].join('\n')
}

async function version(): Promise<string> {
  const text = await readFile(new URL('../../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
