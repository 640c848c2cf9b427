import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { testTls, testTlsFiles } from '../fixtures/tls.js'
import { pop3 } from '../pop3/dialogue.js'
import { describeWith } from '../testing-tools/tools.js'

const run = promisify(execFile)
const messages = Array.from({ length: 20 }, (_, number) => `Subject: ${number}\r\n\r\n.${number}\r\n`)

/** mpop, which pipelines, fetching into a Maildir of its own. */
async function mpopIn() {
  const directory = await mkdtemp(join(tmpdir(), 'posthorn-mpop-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  for (const name of ['cur', 'new', 'tmp']) await mkdir(join(directory, 'mail', name), { recursive: true })
  const fetch = (...options: string[]) =>
    run('mpop', [
      '--host=localhost',
      '--user=alice',
      '--passwordeval=echo secret',
      `--delivery=maildir,${join(directory, 'mail')}`,
      `--uidls-file=${join(directory, 'uidls')}`,
      `--tls-trust-file=${testTlsFiles.cert}`,
      '--timeout=10',
      '--received-header=off',
      '--pipelining=on',
      ...options,
    ])
  const mail = async () => {
    const folder = join(directory, 'mail', 'new')
    const files = await readdir(folder)
    return Promise.all(files.map(file => readFile(join(folder, file), 'latin1')))
  }
  return { fetch, mail }
}

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
      const { fetch, mail } = await mpopIn()
      await fetch(...options, `--port=${listener.port}`, '--keep=off')
      expect((await mail()).sort()).toEqual(asFiles)
      expect(await (await store.mailbox('alice')).list()).toEqual([])
    })
  }

  it('once, by unique ids, where it leaves the mail on the server', async () => {
    const { listener, store } = await pop3({ tls: testTls, messages })
    const { fetch, mail } = await mpopIn()
    const options = ['--tls=on', '--auth=plain', `--port=${listener.port}`, '--keep=on']
    await fetch(...options)
    await store.append('alice', 'Subject: new\r\n\r\n')
    await fetch(...options)
    expect(await mail()).toHaveLength(messages.length + 1)
    expect(await (await store.mailbox('alice')).list()).toHaveLength(messages.length + 1)
  })
})
