import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { testTls, testTlsFiles } from '../fixtures/tls.js'
import { pop3 } from '../pop3/dialogue.js'
import { describeWith } from '../testing-tools/tools.js'

const run = promisify(execFile)
const messages = ['Subject: one\r\n\r\n.dot\r\nend\r\n', 'Subject: two\r\n\r\nHello\r\n']

describeWith(['fetchmail'], 'fetchmail fetches mail', () => {
  for (const [how, tls, ssl] of [
    ['over STLS', 'stls', "sslproto 'tls1.2+'"],
    ['over implicit TLS', 'implicit', 'ssl'],
  ] as const) {
    it(how, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'posthorn-fetchmail-'))
      onTestFinished(() => rm(directory, { recursive: true }))
      const { listener, store } = await pop3({
        tls: testTls,
        allowInsecureAuth: false,
        messages,
        listen: { tls },
      })
      const inbox = join(directory, 'inbox')
      const config = join(directory, 'fetchmailrc')
      await writeFile(
        config,
        [
          `poll localhost protocol pop3 port ${listener.port} uidl timeout 10`,
          `user 'alice' password 'secret' ${ssl} sslcertck sslcertfile '${testTlsFiles.cert}'`,
          `no rewrite no keep mda "cat >> ${inbox}; echo ---- >> ${inbox}"`,
        ].join('\n'),
        { mode: 0o600 },
      )
      const environment = { ...process.env, HOME: directory, FETCHMAILHOME: directory }
      await run('fetchmail', ['--fetchmailrc', config, '--invisible', '--nosyslog'], { env: environment })
      const fetched = await readFile(inbox, 'latin1')
      expect(fetched).toContain('Subject: one\n')
      expect(fetched).toContain('\n.dot\nend\n')
      expect(fetched).toContain('\nHello\n')
      expect(await (await store.mailbox('alice')).list()).toEqual([])
    })
  }
})
