import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { testTls, testTlsFiles } from '../fixtures/tls.js'
import { pop3 } from '../pop3/dialogue.js'
import { describeWith } from '../testing-tools/tools.js'

const run = promisify(execFile)
const messages = ['Subject: one\r\n\r\n.dot\r\n..\r\nend\r\n', 'Subject: two\r\n\r\nHello\r\n']
const secured = { tls: testTls, allowInsecureAuth: false, messages }

async function curl(...args: string[]): Promise<string> {
  const { stdout } = await run('curl', ['--silent', '--show-error', '--user', 'alice:secret', ...args], {
    encoding: 'latin1',
  })
  return stdout
}

describeWith(['curl'], 'curl reads mail', () => {
  it('in the clear, where that is allowed', async () => {
    const { listener } = await pop3({ messages })
    const url = `pop3://127.0.0.1:${listener.port}`
    expect(await curl(`${url}/`)).toBe(`1 ${messages[0]?.length}\r\n2 ${messages[1]?.length}\r\n`)
    expect(await curl(`${url}/1`)).toBe(messages[0])
    expect(await curl('--request', 'TOP 2 0', `${url}/`)).toBe('Subject: two\r\n\r\n')
    for (const method of ['PLAIN', 'LOGIN']) {
      expect(await curl('--login-options', `AUTH=${method}`, `${url}/2`)).toBe(messages[1])
      expect(await curl('--sasl-ir', '--login-options', `AUTH=${method}`, `${url}/2`)).toBe(messages[1])
    }
  })

  it('over STLS', async () => {
    const { listener, next } = await pop3(secured)
    const entered = next('session:authenticated')
    const url = `pop3://localhost:${listener.port}/1`
    const address = ['--resolve', `localhost:${listener.port}:127.0.0.1`]
    expect(await curl('--ssl-reqd', '--cacert', testTlsFiles.cert, ...address, url)).toBe(messages[0])
    expect((await entered).secure).toBe(true)
  })

  it('over implicit TLS', async () => {
    const { listener } = await pop3({ ...secured, listen: { tls: 'implicit' } })
    const url = `pop3s://127.0.0.1:${listener.port}/2`
    expect(await curl('--cacert', testTlsFiles.cert, url)).toBe(messages[1])
  })

  it('not with a wrong password', async () => {
    const { listener } = await pop3({ messages })
    const reading = curl('--user', 'alice:wrong', `pop3://127.0.0.1:${listener.port}/1`)
    // 67: the login was denied.
    await expect(reading).rejects.toMatchObject({ code: 67 })
  })

  it('and deletes it', async () => {
    const { listener, store, next } = await pop3({ messages })
    const deleted = next('messages:deleted')
    await curl('--request', 'DELE', '--head', `pop3://127.0.0.1:${listener.port}/1`)
    expect((await deleted).uids).toEqual([1])
    expect(await (await store.mailbox('alice')).list()).toHaveLength(1)
  })
})
