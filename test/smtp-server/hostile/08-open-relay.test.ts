import { describe, expect, it } from 'vitest'
import { startHost } from '../mail-host.js'

describe('open relay tricks', () => {
  it.each([
    ['<victim%other.test@example.test>', /^550 5\.1\.1/],
    ['<other.test!victim@example.test>', /^550 5\.1\.1/],
    ['<"victim@other.test"@example.test>', /^550 5\.1\.1/],
    ['<"victim%other.test"@example.test>', /^550 5\.1\.1/],
    ['<victim@other.test@example.test>', /^501 5\.1\.3/],
    ['<alice@example.test@other.test>', /^501 5\.1\.3/],
    ['<victim@other.test>', /^550 5\.7\.1/],
    ['<@example.test:victim@other.test>', /^550 5\.7\.1/],
    ['<@example.test,@example.test:victim@other.test>', /^550 5\.7\.1/],
    ['<victim@other.test.>', /^501 5\.1\.3/],
    ['<alice@example.test.>', /^501 5\.1\.3/],
    ['<victim@[127.0.0.1]>', /^550 5\.7\.1/],
    ['<victim@[IPv6:::1]>', /^550 5\.7\.1/],
    ['<victim@127.0.0.1>', /^5/],
    ['<victim@localhost>', /^550 5\.7\.1/],
    ['<victim@mx.example.test>', /^550 5\.7\.1/],
    ['<victim@sub.example.test>', /^550 5\.7\.1/],
    ['<victim@exаmple.test>', /^553 5\.6\.7/],
    ['<alice@xn--exmple-4nf.test>', /^550 5\.7\.1/],
    ['<alice@example.test\0.other.test>', /^500 5\.5\.2/],
    ['<alice@example.test>@other.test', /^501/],
    ['<alice@example.test><victim@other.test>', /^501/],
    ['<"alice@example.test> "@other.test>', /^550 5\.7\.1/],
    ['<victim@>', /^501 5\.1\.3/],
    ['<victim>', /^501 5\.1\.3/],
    ['<:victim@other.test>', /^501 5\.1\.3/],
  ])('%s is refused', async (path, answer) => {
    const host = await startHost()
    const client = await host.hello()
    await client.ask('MAIL FROM:<spammer@other.test>', '250')
    await client.ask(`RCPT TO:${path}`, answer)
    await client.ask('DATA', '503')
    expect(host.batches).toHaveLength(0)
  })

  it.each(['<postmaster@example.test>', '<alice@example.test>', '<>'])(
    'does not open for the sender %s',
    async sender => {
      const client = await (await startHost()).hello()
      await client.ask(`MAIL FROM:${sender}`, '250')
      await client.ask('RCPT TO:<victim@other.test>', '550 5.7.1')
    },
  )

  it('takes the twin of an IDN for the domain it is, and no other', async () => {
    const host = await startHost({ domains: ['münchen.test'], relayNetworks: [] })
    const client = await host.hello()
    await client.ask('MAIL FROM:<a@b.test> SMTPUTF8', '250')
    await client.ask('RCPT TO:<x@xn--mnchen-3ya.test>', '550 5.1.1')
    await client.ask('RCPT TO:<x@MÜNCHEN.test>', '550 5.1.1')
    await client.ask('RCPT TO:<x@munchen.test>', '550 5.7.1')
  })
})
