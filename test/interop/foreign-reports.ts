import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EnvelopeRecipient } from '../../src/core/envelope.js'
import { createSmarthostTransport } from '../../src/delivery/create-smarthost-transport.js'
import { createDnsZone } from '../../src/dns/zone/create-dns-zone.js'
import { parseDsn } from '../../src/dsn/parse-dsn.js'
import type { ParsedDsn, ParsedDsnRecipient } from '../../src/dsn/read-delivery-status.js'
import { bytesSource } from '../../src/message/sources.js'
import { createScriptedServer } from '../../src/testing/remote/create-scripted-server.js'
import { type ServerDirectory, serverDirectory } from './server-process.js'

/** What a report tells. */
export type Told = ParsedDsnRecipient['action'] | 'smtputf8'

/** Starts a server for rome.test that hands on to a port what is for others. */
type Start = (directory: ServerDirectory, options: { relayPort: number }) => Promise<{ port: number }>

/**
 * Has a foreign server write delivery status notifications, and reads them. Named are the recipients that lead to each;
 * `smtputf8` is a failure told to an address in UTF-8. With `POSTHORN_KEEP_DSNS=1` they become the corpus of
 * `test/fixtures/dsn`.
 */
export function describeReports(
  name: string,
  start: Start,
  cases: Partial<Record<Told, readonly string[]>>,
  parent?: string,
): void {
  describe('tells the sender', () => {
    let world: Awaited<ReturnType<typeof startWorld>> | undefined
    beforeAll(async () => {
      world = await startWorld(start, parent)
    })
    afterAll(() => world?.close())

    it.each(Object.entries(cases))('of mail that is %s, and is understood', async (told, recipients) => {
      const raw = (await world?.report(told as Told, recipients)) ?? Buffer.of()
      if (process.env['POSTHORN_KEEP_DSNS'] === '1') {
        writeFileSync(`test/fixtures/dsn/${name}-${told}.eml`, raw)
      }
      expectReport(await parseDsn(bytesSource(raw)), told as Told, recipients)
    })
  })
}

/** Holds that a report says what it is to say. */
export function expectReport(dsn: ParsedDsn | undefined, told: Told, recipients: readonly string[]): void {
  const action = told === 'smtputf8' ? 'failed' : told
  expect(dsn).toMatchObject({ reportingMta: 'mx.rome.test', originalMessageId: '<plans@paris.test>' })
  const addresses = dsn?.recipients.map(one => one.finalRecipient?.address)
  expect(addresses?.toSorted()).toEqual(recipients.toSorted())
  for (const one of dsn?.recipients ?? []) expect(one).toMatchObject({ action, status: statuses[action] })
}

const statuses: Record<string, unknown> = {
  failed: expect.stringMatching(/^5\.1\.\d+$/),
  delayed: '4.2.1',
  relayed: expect.stringMatching(/^2\./),
  delivered: expect.stringMatching(/^2\./),
  expanded: expect.stringMatching(/^2\./),
}

/** The foreign server, and one of ours for all other domains, which keeps the reports. */
async function startWorld(start: Start, parent: string | undefined) {
  const oslo = createScriptedServer({
    hostname: 'mx.oslo.test',
    extensions: ['8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES'],
  })
  oslo.on.rcpt(/@oslo\.test$/).reply(550, ['5.1.1 No such user', '5.1.1 See https://oslo.test/help'])
  // Longer than the second after which servers warn here.
  oslo.on
    .rcpt(/^later@/)
    .delay('2500ms')
    .reply(451, '4.2.1 Come back later')
  oslo.on.rcpt(/^(?:ann|ben|dora)@/).accept()
  const { port: relayPort } = await oslo.listen()
  const directory = serverDirectory(parent)
  const close = async () => {
    await directory[Symbol.asyncDispose]()
    await oslo.close()
  }
  const { port } = await start(directory, { relayPort }).catch(async error => {
    await close()
    throw error
  })
  const reports = () => oslo.messages.filter(({ sender }) => sender === '')
  return {
    async report(told: Told, recipients: readonly string[]): Promise<Buffer> {
      const before = reports().length
      await submit(port, told, recipients)
      await expect.poll(() => reports().length, { timeout: 18_000, interval: 30 }).toBeGreaterThan(before)
      return reports()[before]?.raw ?? Buffer.of()
    },
    close,
  }
}

async function submit(port: number, told: Told, addresses: readonly string[]): Promise<void> {
  const transport = createSmarthostTransport({
    hostname: 'mx.paris.test',
    resolver: createDnsZone({ 'mx.rome.test': { a: '127.0.0.1' } }),
    servers: [{ host: 'mx.rome.test', port, tls: 'none' }],
  })
  const isSuccess = told === 'relayed' || told === 'delivered' || told === 'expanded'
  const recipients = addresses.map(
    (address): EnvelopeRecipient => ({
      address,
      notify: isSuccess ? ['success'] : ['failure', 'delay'],
      ...(address === 'nobody@oslo.test' && { originalRecipient: 'rfc822;team@oslo.test' }),
    }),
  )
  const smtputf8 = told === 'smtputf8'
  const sender = smtputf8 ? 'jörg@paris.test' : 'alice@paris.test'
  const outcomes = await transport.deliver(
    {
      traceId: 'trace',
      destination: 'rome.test',
      envelope: { sender, envid: 'QQ314159', ...(smtputf8 && { smtputf8 }) },
      recipients,
      message: bytesSource(letterFrom(sender)),
      attempt: 1,
    },
    AbortSignal.timeout(15_000),
  )
  await transport.close()
  expect(outcomes).toMatchObject(addresses.map(() => ({ status: 'delivered' })))
}

function letterFrom(sender: string): string {
  return [
    `From: ${sender}`,
    'To: team@oslo.test',
    'Subject: Our plans',
    'Message-ID: <plans@paris.test>',
    'Date: Thu, 1 Jan 2026 08:00:00 +0000',
    '',
    'Shall we?',
    '',
  ].join('\r\n')
}
