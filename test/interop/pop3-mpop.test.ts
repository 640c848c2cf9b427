import { expect, it } from 'vitest'
import { testTls, testTlsFiles } from '../fixtures/tls.js'
import { pop3 } from '../pop3/dialogue.js'
import { describeWith } from '../testing-tools/tools.js'
import { mpopIn } from './mpop.js'

const messages = Array.from({ length: 20 }, (_, number) => `Subject: ${number}\r\n\r\n.${number}\r\n`)

const mpop = () => mpopIn({ user: 'alice', password: 'secret', trust: testTlsFiles.cert })
const asFiles = messages.map(message => message.replaceAll('\r\n', '\n')).sort()

describeWith(['mpop'], 'mpop fetches mail, pipelined', () => {
  for (const [how, tls, options] of [
    ['over STLS', 'stls', ['--tls=on', '--tls-starttls=on', '--auth=plain']],
    ['over implicit TLS', 'implicit', ['--tls=on', '--tls-starttls=off', '--auth=login']],
    ['with USER', 'stls', ['--tls=on', '--tls-starttls=on', '--auth=user']],
  ] as const) {
    it(how, async () => {
      const { listener, store } = await pop3({
        tls: testTls,
        allowInsecureAuth: false,
        messages,
        listen: { tls },
      })
      const { fetch, mail } = await mpop()
      await fetch(...options, `--port=${listener.port}`, '--keep=off')
      expect((await mail()).sort()).toEqual(asFiles)
      expect(await (await store.mailbox('alice')).list()).toEqual([])
    })
  }

  it('once, by unique ids, where it leaves the mail on the server', async () => {
    const { listener, store } = await pop3({ tls: testTls, messages })
    const { fetch, mail } = await mpop()
    const options = ['--tls=on', '--auth=plain', `--port=${listener.port}`, '--keep=on']
    await fetch(...options)
    await store.append('alice', 'Subject: new\r\n\r\n')
    await fetch(...options)
    expect(await mail()).toHaveLength(messages.length + 1)
    expect(await (await store.mailbox('alice')).list()).toHaveLength(messages.length + 1)
  })
})
