import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { testTls, testTlsFiles } from '../fixtures/tls.js'
import { pop3 } from '../pop3/dialogue.js'
import { describeWith, python } from '../testing-tools/tools.js'

const run = promisify(execFile)
const messages = ['Subject: one\r\n\r\n.dot\r\n..\r\nend\r\n', 'Subject: Grüße\r\n\r\nHello\r\n']

/** Reads everything there is to read, deletes the first message, and prints it as JSON. */
const script = `
import json, poplib, ssl, sys
port, mode, ca = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context(cafile=ca)
if mode == 'implicit':
    box = poplib.POP3_SSL('localhost', port, context=context, timeout=10)
else:
    box = poplib.POP3('localhost', port, timeout=10)
seen = {}
if mode == 'stls':
    seen['before'] = sorted(box.capa())
    box.stls(context=context)
seen['capa'] = sorted(box.capa())
box.utf8()
box.user('alice')
box.pass_('secret')
seen['stat'] = box.stat()
seen['list'] = [line.decode() for line in box.list()[1]]
seen['uidl'] = [line.decode() for line in box.uidl()[1]]
seen['retr'] = [line.decode() for line in box.retr(1)[1]]
seen['octets'] = box.retr(1)[2]
seen['top'] = [line.decode() for line in box.top(2, 0)[1]]
box.noop()
box.dele(2)
box.rset()
box.dele(1)
box.quit()
print(json.dumps(seen))
`

describeWith([python], 'poplib reads mail', () => {
  for (const mode of ['clear', 'stls', 'implicit'] as const) {
    it(mode, async () => {
      const tls = mode === 'clear' ? {} : { tls: testTls, allowInsecureAuth: false }
      const listen = mode === 'implicit' ? { listen: { tls: 'implicit' as const } } : {}
      const { listener, store } = await pop3({ messages, ...tls, ...listen })
      const { uidValidity } = await (await store.mailbox('alice')).status()
      const { stdout } = await run('/usr/bin/python3', [
        '-c',
        script,
        String(listener.port),
        mode,
        testTlsFiles.cert,
      ])
      const seen = JSON.parse(stdout)
      const sizes = messages.map(message => Buffer.byteLength(message))
      expect(seen).toMatchObject({
        stat: [2, (sizes[0] ?? 0) + (sizes[1] ?? 0)],
        list: sizes.map((size, index) => `${index + 1} ${size}`),
        uidl: [`1 ${uidValidity}.1`, `2 ${uidValidity}.2`],
        retr: ['Subject: one', '', '.dot', '..', 'end'],
        octets: sizes[0],
        top: ['Subject: Grüße', ''],
      })
      expect(seen.capa).toContain('USER')
      if (mode === 'stls') {
        expect(seen.before).toContain('STLS')
        expect(seen.before).not.toContain('USER')
      }
      expect((await (await store.mailbox('alice')).list()).map(message => message.uid)).toEqual([2])
    })
  }
})
