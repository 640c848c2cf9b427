import { describe, expect, it } from 'vitest'
import { parseCommandLine } from '../../../src/testing/process/command-line.js'

describe('the command line', () => {
  it('serves on the known ports of loopback', () => {
    expect(parseCommandLine([])).toEqual({
      kind: 'serve',
      host: '127.0.0.1',
      ports: { smtp: 1025, smtps: 1465, pop3: 1110, pop3s: 1995, http: 8025 },
      domains: [],
      allowHosts: [],
      startTls: true,
      json: false,
    })
  })

  it.each([
    ['--smtp 0 --pop3 0', { smtp: 0, smtps: 0, pop3: 0, pop3s: 0 }],
    ['--smtp 2025', { smtp: 2025, smtps: 0, pop3: 1110, pop3s: 1995 }],
    ['--pop3 1110 --smtps 0', { smtp: 1025, smtps: 0, pop3: 1110, pop3s: 0 }],
  ])('keeps the encrypted ports out of the way of another process: %s', (args, ports) => {
    expect(parseCommandLine(args.split(' '))).toMatchObject({ ports: { ...ports, http: 8025 } })
  })

  it('takes every option', () => {
    const args =
      '--smtp 0 --smtps=1 --pop3 2 --pop3s 3 --http 65535 --host ::1 --json --domain a.test --domain b.test'
    const more = ['--allow-host', 'mail.local', '--no-starttls', '--ca-file', 'ca.pem', '--max-messages', '9']
    expect(parseCommandLine([...args.split(' '), ...more])).toEqual({
      kind: 'serve',
      host: '::1',
      ports: { smtp: 0, smtps: 1, pop3: 2, pop3s: 3, http: 65_535 },
      domains: ['a.test', 'b.test'],
      allowHosts: ['mail.local'],
      startTls: false,
      caFile: 'ca.pem',
      maxMessages: 9,
      json: true,
    })
  })

  it.each([
    [['--smtp', '65536'], '--smtp: expected a port from 0 to 65535, got "65536"'],
    [['--http', '80a'], '--http: expected a port'],
    [['--smtp'], "'--smtp <value>' argument missing"],
    [['--max-messages', '0'], '--max-messages: expected a number from 1 on, got "0"'],
    [['--nonsense'], "Unknown option '--nonsense'"],
    [['serve'], "Unexpected argument 'serve'"],
  ])('refuses %j, and says why', (args, problem) => {
    expect(() => parseCommandLine(args)).toThrow(problem)
  })

  it.each([
    [['--help'], 'help'],
    [['-h', '--smtp', '1'], 'help'],
    [['--version'], 'version'],
  ])('takes %j', (args, kind) => {
    expect(parseCommandLine(args)).toEqual({ kind })
  })
})
