import { describe, expect, it } from 'vitest'
import { deliver, plain, startHost } from '../mail-host.js'

const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', 'valueOf']

describe.each(names)('%s', name => {
  it('is no verb', async () => {
    const client = await (await startHost()).hello()
    await client.ask(name, '500 5.5.1')
    await client.ask(`${name} x`, '500 5.5.1')
    await client.ask(`handler_${name}`, '500 5.5.1')
  })

  it('is no parameter, user or mailbox', async () => {
    const host = await startHost({ allowInsecureAuth: true, limits: { errors: 100 } })
    const client = await host.hello()
    await client.ask(`MAIL FROM:<a@b.test> ${name}=1`, /^5(01|55) 5\.5\.4/)
    await client.ask(`MAIL FROM:<a@b.test> ${name}`, /^5(01|55) 5\.5\.4/)
    await client.ask(`AUTH ${name}`, '504 5.5.4')
    await client.ask(`AUTH PLAIN ${plain(name, name)}`, '535 5.7.8')
    await client.ask(`MAIL FROM:<${name}@${name}>`, /^250|^501/)
    await client.ask('RSET', '250')
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask(`RCPT TO:<${name}@example.test>`, '550 5.1.1')
    await client.ask(`RCPT TO:<alice@example.test> ${name}=1`, /^5(01|55) 5\.5\.4/)
    await client.ask('RSET', '250')
    await deliver(client, { message: `${name}: x\r\nReceived: ${name}\r\n\r\n` })
    expect((await host.inbox('alice'))[0]).toContain(`${name}: x\r\n`)
  })
})
