import { describe, expect, it } from 'vitest'
import { createAccounts, createMailServer, type MailServerListeners } from '../../src/index.js'
import { createMailWorld } from './mail-world.js'

const host = { hostname: 'mx.paris.test', domains: ['paris.test'], accounts: createAccounts({}) }

describe('createMailServer', () => {
  it.each([
    ['retry', 0],
    ['retry', '30h'],
    ['tls', false],
    ['tls', 'cert.pem'],
    ['policies', 0],
    ['policies', {}],
    ['smtp', 5],
    ['smtp', 'x'],
    ['queue', []],
    ['pop3', true],
    ['pop3', null],
    ['postmaster', 'nobody'],
  ])('refuses the option %s: %j, naming it and what it got', (option, value) => {
    const got = JSON.stringify(value).replace(/[[\]{}]/g, '\\$&')
    expect(() => createMailServer({ ...host, [option]: value })).toThrow(
      expect.objectContaining({
        code: 'OPTION_INVALID',
        message: expect.stringMatching(new RegExp(`: ${option}: .*expected .*, got ${got}`)),
      }),
    )
  })

  it.each([
    [undefined, /^listen: options: .*got nothing/],
    [{ smtp: 25 }, /^listen: smtp: .*got 25/],
    [{ smtp: {} }, /^listen: smtp\.port: .*got nothing/],
    [{ pop3: { port: '110' } }, /^listen: pop3\.port: .*got "110"/],
    [{ lmtp: {} }, /^listen: lmtp: expected a port.*got {}/],
    [{ imap: { port: 143 } }, /^listen: options: .*"imap"/],
    [{ smtp: { port: 0, host: '127.0.0.1' }, pop3: { port: -1 } }, /^listen: pop3\.port: .*got -1/],
  ])('opens nothing when told to listen on %j', async (listeners, message) => {
    await using server = createMailServer(host)
    await expect(server.listen(listeners as MailServerListeners)).rejects.toMatchObject({
      code: 'OPTION_INVALID',
      message: expect.stringMatching(message),
    })
    expect(server.smtp.listeners).toEqual([])
  })

  it('gives the mail for postmaster to whom it is told', async () => {
    await using world = createMailWorld()
    const paris = await world.host('paris.test', { users: ['alice'] })
    const rome = await world.host('rome.test', {
      users: ['bob'],
      server: { postmaster: 'bob@rome.test' },
    })
    await paris.queue.send({ from: 'alice@paris.test', to: 'Postmaster@rome.test', subject: 'Trouble' })
    await world.clock.settled()
    expect((await rome.inbox('bob')).map(message => message.subject)).toEqual(['Trouble'])
  })
})
