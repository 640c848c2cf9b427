import { parseArgs } from 'node:util'
import { MailError } from '../../core/error.js'

/** What `npx posthorn` was asked for. */
export type Command = { readonly kind: 'help' } | { readonly kind: 'version' } | ServeCommand

/** To serve, and where. */
export interface ServeCommand {
  readonly kind: 'serve'
  readonly host: string
  readonly ports: Readonly<Record<Service, number>>
  /** Domains whose mail is kept; none for all of them. */
  readonly domains: readonly string[]
  /** Names by which browsers may reach the HTTP API, besides addresses and `localhost`. */
  readonly allowHosts: readonly string[]
  /** Whether STARTTLS and STLS are offered. */
  readonly startTls: boolean
  /** Where to write the certificate to trust. */
  readonly caFile?: string
  /** How many messages are kept. */
  readonly maxMessages?: number
  readonly json: boolean
}

type Service = 'smtp' | 'smtps' | 'pop3' | 'pop3s' | 'http'

/** What `--help` prints. */
export const help = `posthorn: a mail server for tests and development. It takes mail for everybody, and sends none out.

Usage: npx posthorn [options]

  --smtp <port>         SMTP, with STARTTLS and any user and password   (1025)
  --smtps <port>        SMTP, encrypted from the start                  (1465; with --smtp given, a free one)
  --pop3 <port>         POP3: the user is the address mail went to      (1110)
  --pop3s <port>        POP3, encrypted from the start                  (1995; with --pop3 given, a free one)
  --http <port>         HTTP API, described at /openapi.json            (8025)
  --host <address>      where to listen                                 (127.0.0.1)
  --domain <name>       keep mail for this domain only; may be repeated (all)
  --allow-host <name>   let browsers reach the API by this name too; may be repeated
  --no-starttls         offer no STARTTLS and no STLS, to clients that would not trust the certificate
  --ca-file <file>      write the certificate to trust; it is at /ca.pem, too
  --max-messages <n>    keep so many messages and forget the oldest     (all)
  --json                log in JSON, a line an event
  --help                this text
  --version             the version

A port of 0 lets the system choose; the log tells which. Ends with exit code 0 at SIGINT and SIGTERM, with 1 when it
cannot listen, and with 2 for an option that is wrong.
`

const options = {
  smtp: { type: 'string' },
  smtps: { type: 'string' },
  pop3: { type: 'string' },
  pop3s: { type: 'string' },
  http: { type: 'string' },
  host: { type: 'string', default: '127.0.0.1' },
  domain: { type: 'string', multiple: true, default: [] as string[] },
  'allow-host': { type: 'string', multiple: true, default: [] as string[] },
  'no-starttls': { type: 'boolean', default: false },
  'ca-file': { type: 'string' },
  'max-messages': { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', default: false },
} as const

/**
 * Reads the arguments behind the command.
 * @throws MailError `OPTION_INVALID` naming the argument.
 */
export function parseCommandLine(args: readonly string[]): Command {
  const values = read(args)
  if (values.help) return { kind: 'help' }
  if (values.version) return { kind: 'version' }
  const port = (service: Service, otherwise: string) => parsePort(service, values[service] ?? otherwise)
  // Who serves elsewhere than at the known port may have another process at the known ones.
  const beside = (plain: 'smtp' | 'pop3', known: string) => (values[plain] === undefined ? known : '0')
  return {
    kind: 'serve',
    host: values.host,
    ports: {
      smtp: port('smtp', '1025'),
      smtps: port('smtps', beside('smtp', '1465')),
      pop3: port('pop3', '1110'),
      pop3s: port('pop3s', beside('pop3', '1995')),
      http: port('http', '8025'),
    },
    domains: values.domain,
    allowHosts: values['allow-host'],
    startTls: !values['no-starttls'],
    ...(values['ca-file'] !== undefined && { caFile: values['ca-file'] }),
    ...(values['max-messages'] !== undefined && { maxMessages: parseCount(values['max-messages']) }),
    json: values.json,
  }
}

function read(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values
  } catch (error) {
    throw new MailError('OPTION_INVALID', error instanceof Error ? error.message : String(error))
  }
}

function parsePort(service: Service, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (port <= 65_535) return port
  throw new MailError(
    'OPTION_INVALID',
    `--${service}: expected a port from 0 to 65535, got ${JSON.stringify(text)}`,
  )
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new MailError(
    'OPTION_INVALID',
    `--max-messages: expected a number from 1 on, got ${JSON.stringify(text)}`,
  )
}
