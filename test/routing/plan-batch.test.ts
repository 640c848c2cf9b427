import { describe, expect, it } from 'vitest'
import type { DsnCondition, Envelope } from '../../src/core/envelope.js'
import { bytesSource } from '../../src/message/sources.js'
import { type PlanRequest, planBatch } from '../../src/routing/plan-batch.js'
import type { LocalTarget, Route } from '../../src/routing/router.js'

const message = bytesSource('Subject: hi\r\n\r\nhi\r\n')

function plan(envelope: Partial<Envelope>, routes: Route[], more: Partial<PlanRequest> = {}) {
  const whole = {
    sender: 'sender@a.test',
    recipients: routes.map((_, index) => ({ address: `r${index}@b.test` })),
    ...envelope,
  }
  return planBatch({ id: 'id', traceId: 'trace', envelope: whole, routes, message, receivedAt: 7, ...more })
}

const keep = (...accounts: string[]): Route =>
  local(...accounts.map(account => ({ account, mailbox: 'INBOX' })))
const local = (...targets: LocalTarget[]): Route => ({
  kind: 'accept',
  local: targets,
  remote: [],
  relay: false,
})
const forward = (...remote: string[]): Route => ({ kind: 'accept', local: [], remote, relay: false })
const relay = (remote: string): Route => ({ kind: 'accept', local: [], remote: [remote], relay: true })

describe('copies', () => {
  it('start with their Return-Path', () => {
    const { copies, ...batch } = plan({}, [keep('alice')])
    expect(batch).toEqual({ id: 'id', message, receivedAt: 7 })
    expect(copies).toHaveLength(1)
    expect(copies[0]).toMatchObject({ account: 'alice', mailbox: 'INBOX', internalDate: 7 })
    expect(Buffer.from(copies[0]?.prefix ?? []).toString()).toBe('Return-Path: <sender@a.test>\r\n')
    const bounce = plan({ sender: '' }, [keep('alice')])
    expect(Buffer.from(bounce.copies[0]?.prefix ?? []).toString()).toBe('Return-Path: <>\r\n')
  })

  it('are one a mailbox, however many recipients lead there', () => {
    const batch = plan({}, [
      keep('alice', 'bob'),
      keep('bob'),
      local({ account: 'bob', mailbox: 'Work' }, { account: 'alice', mailbox: 'INBOX' }),
    ])
    expect(batch.copies.map(({ account, mailbox }) => [account, mailbox])).toEqual([
      ['alice', 'INBOX'],
      ['bob', 'INBOX'],
      ['bob', 'Work'],
    ])
  })
})

describe('queue entries', () => {
  it('carry the envelope, the submitter and their destination', () => {
    const envelope = { body: '8bitmime', smtputf8: true, requireTls: true, ret: 'hdrs', envid: 'E' } as const
    const batch = plan(envelope, [relay('bob@xn--mnchen-3ya.test'), relay('c@[192.0.2.1]')], {
      submitter: 'alice',
    })
    expect(batch.copies).toEqual([])
    expect(batch.queued).toEqual({
      traceId: 'trace',
      envelope: { sender: 'sender@a.test', ...envelope },
      submitter: 'alice',
      recipients: [
        { address: 'bob@xn--mnchen-3ya.test', destination: 'xn--mnchen-3ya.test', dueAt: 7 },
        { address: 'c@[192.0.2.1]', destination: '[192.0.2.1]', dueAt: 7 },
      ],
    })
  })

  it('keep the DSN parameters of a recipient that is relayed', () => {
    const recipients = [
      { address: 'bob@b.test', notify: ['success'] as const, originalRecipient: 'rfc822;x@y.test' },
    ]
    const batch = plan({ recipients }, [relay('bob@b.test')])
    expect(batch.queued?.recipients).toEqual([{ ...recipients[0], destination: 'b.test', dueAt: 7 }])
  })

  it('keep NOTIFY through an alias, and name the address that was written to (RFC 3461 §5.2.1)', () => {
    const recipients = [
      { address: 'sales@b.test', notify: ['never'] as const },
      { address: 'info@b.test', originalRecipient: 'rfc822;x@y.test' },
      { address: 'büro@b.test' },
    ]
    const batch = plan({ recipients }, [forward('a@c.test'), forward('b@c.test'), forward('c@c.test')])
    expect(batch.queued?.recipients).toMatchObject([
      { address: 'a@c.test', notify: ['never'], originalRecipient: 'rfc822;sales@b.test' },
      { address: 'b@c.test', originalRecipient: 'rfc822;x@y.test' },
      { address: 'c@c.test', originalRecipient: 'utf-8;büro@b.test' },
    ])
  })

  it('ask for no news of success behind an alias of several addresses, which is told of here (RFC 3461 §5.2.7.3)', () => {
    const notify = (asked: DsnCondition[] | undefined, route: Route) =>
      plan({ recipients: [{ address: 'team@b.test', ...(asked && { notify: asked }) }] }, [
        route,
      ]).queued?.recipients.map(recipient => recipient.notify)
    const team = forward('a@c.test', 'b@d.test')
    expect(notify(['success', 'failure'], team)).toEqual([['failure'], ['failure']])
    expect(notify(['success'], team)).toEqual([['never'], ['never']])
    expect(notify(['delay'], team)).toEqual([['delay'], ['delay']])
    expect(notify(undefined, team)).toEqual([undefined, undefined])
    const besideMailbox = { ...forward('a@c.test'), local: [{ account: 'al', mailbox: 'INBOX' }] } as Route
    expect(notify(['success'], besideMailbox)).toEqual([['success']])
  })

  it('are one an address, and whoever asked for news of it is told', () => {
    const twice = (...notify: ('never' | 'success' | 'failure' | 'delay' | undefined)[]) =>
      plan(
        {
          recipients: notify.map((condition, index) => ({
            address: `r${index}@b.test`,
            ...(condition && { notify: [condition] }),
          })),
        },
        notify.map((_, index) => forward(index === 0 ? 'bob@c.test' : 'BOB@c.test')),
      ).queued?.recipients
    expect(twice(undefined, undefined)).toEqual([
      { address: 'bob@c.test', originalRecipient: 'rfc822;r0@b.test', destination: 'c.test', dueAt: 7 },
    ])
    expect(twice('never', 'success')?.map(entry => entry.notify)).toEqual([['success']])
    expect(twice('never', undefined)?.map(entry => entry.notify)).toEqual([['failure', 'delay']])
    expect(twice('never', 'never')?.map(entry => entry.notify)).toEqual([['never']])
  })
})

describe('a mixed message', () => {
  it('has its copies and its entries in one batch', () => {
    const batch = plan({}, [
      keep('alice'),
      relay('bob@c.test'),
      { ...forward('carol@d.test'), local: [{ account: 'alice', mailbox: 'INBOX' }] } as Route,
    ])
    expect(batch.copies).toHaveLength(1)
    expect(batch.queued?.recipients.map(entry => entry.address)).toEqual(['bob@c.test', 'carol@d.test'])
  })

  it('refuses a route that does not accept, or is missing', () => {
    const reject: Route = { kind: 'reject', reply: { code: 550, text: 'no' } }
    expect(() => plan({}, [keep('alice'), reject])).toThrow(/routes\.1: got a refusal for r1@b\.test/)
    expect(() => plan({ recipients: [{ address: 'x@b.test' }] }, [])).toThrow(/routes\.0: got nothing/)
  })
})
