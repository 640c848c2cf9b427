import { describe, expect, it } from 'vitest'
import { deliver, startHost } from '../mail-host.js'

const controls = ['\0', '\x01', '\t', '\x0b', '\x1b', '\x7f', '\u0080', '\u009f', '\u2028', '\r']

describe('control bytes', () => {
  it.each(controls.map(control => [JSON.stringify(control), control] as const))(
    '%s in a command goes no further',
    async (_, control) => {
      const host = await startHost({ limits: { errors: 100 } })
      const client = await host.hello()
      for (const line of [
        `EHLO evil${control}host`,
        `MAIL FROM:<a${control}b@c.test>`,
        `MAIL FROM:<"a${control}b"@c.test> SMTPUTF8`,
        `MAIL FROM:<a@b.test> ENVID=x${control}y`,
        `MAIL FROM:<a@b.test> FOO${control}`,
        `VRFY a${control}b${control} c`,
        `${control}NOOP x`,
      ]) {
        const answer = await client.ask(line, /^5|^252/)
        expect(answer).not.toMatch(/[\0-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028]/)
      }
      await client.ask('MAIL FROM:<a@b.test>', '250')
      await client.ask(`RCPT TO:<al${control}ice@example.test>`, /^5/)
      await client.ask(`RCPT TO:<alice@example.test> ORCPT=rfc822;a${control}b`, /^5/)
    },
  )

  it('do not get in by xtext', async () => {
    const client = await (await startHost({ limits: { errors: 100 } })).hello()
    for (const code of ['00', '0A', '0D', '1B', '7F', 'C2+80', 'FF']) {
      await client.ask(`MAIL FROM:<a@b.test> ENVID=x+${code}y`, '501 5.5.4')
    }
    await client.ask('MAIL FROM:<a@b.test>', '250')
    await client.ask('RCPT TO:<alice@example.test> ORCPT=rfc822;a+0D+0Ab@c', '501 5.5.4')
  })

  it('do not get in by what a policy replies, nor break a header', async () => {
    const host = await startHost({
      policies: [
        {
          name: 'echo',
          mail: () => ({
            action: 'reject',
            reply: { code: 550, enhanced: '5.7.1', text: 'no\r\n250 yes\r\n' },
          }),
        },
      ],
    })
    const client = await host.hello()
    expect(await client.ask('MAIL FROM:<a@b.test>', '550')).toBe('550 5.7.1 no  250 yes')
    expect(client.pending).toBe('')
  })

  it('leave Received on its lines whatever EHLO said', async () => {
    const host = await startHost()
    const client = await host.connect()
    await client.ask('EHLO x(y)"z"\\;<b>@[1]', '250')
    await deliver(client)
    const [message = ''] = await host.inbox('alice')
    expect(message.split('\r\n')[1]).toMatch(/^Received: from [\w.:[\]-]+ \(\[127\.0\.0\.1\]\)/)
  })

  it('are escaped in the line of no UTF-8', async () => {
    const client = await (await startHost()).hello()
    client.write(Buffer.from('4d41494c2046524f4d3a3cff406220746573743e0d0a', 'hex'))
    await client.expect('500 5.5.2')
  })
})
