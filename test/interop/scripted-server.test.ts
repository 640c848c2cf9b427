import { expect, it } from 'vitest'
import { gmail, outlook } from '../../src/testing/internet/profiles.js'
import { createScriptedServer } from '../../src/testing/remote/create-scripted-server.js'
import type { ScriptedServerOptions } from '../../src/testing/remote/options.js'
import { testTls } from '../fixtures/tls.js'
import { describeWith, python } from '../testing-tools/tools.js'
import { exim, sendByExim } from './exim.js'
import { runProgram } from './run-program.js'
import { root, serverDirectory } from './server-process.js'

const [bob, carol, full] = ['bob@rome.test', 'carol@rome.test', 'full@rome.test']
const body = '.\r\n..two\r\n.one\r\nend\r\n'

async function scripted(options: ScriptedServerOptions) {
  const server = createScriptedServer(options)
  const { port } = await server.listen()
  return { server, port, [Symbol.asyncDispose]: () => server.close() }
}

async function lmtp() {
  const world = await scripted({ protocol: 'lmtp' })
  world.server.on.rcpt('nobody@rome.test').reply(550, '5.1.1 Nobody')
  world.server.on.message((_text, _peer, { recipient }) => recipient === full).reply(452, '4.2.2 Full')
  return world
}

const verbs = (commands: readonly string[] = []) => commands.map(line => line.split(' ')[0])

describeWith([exim, root], 'Exim delivers to a scripted server by BDAT', () => {
  const letter = `Subject: dots\r\nFrom: alice@paris.test\r\n\r\n${body}`

  it.each([
    ['Gmail', gmail.extensions],
    ['Outlook', outlook.extensions],
    ['its own', undefined],
  ])('that offers what %s does', async (_whose, extensions) => {
    await using directory = serverDirectory()
    await using world = await scripted({ tls: testTls, ...(extensions && { extensions }) })
    const log = await sendByExim(directory, world.port, letter, [bob, carol])
    expect(log).toMatch(/=> bob@rome\.test .* X=TLS1\.3.* K C="250 2\.0\.0 Taken"/)
    const [message] = world.server.messages
    expect(message?.recipients.toSorted()).toEqual([bob, carol])
    const text = message?.raw.toString() ?? ''
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe(body)
    const seen = verbs(message?.peer.commands)
    expect(seen).toContain('BDAT')
    expect(seen).not.toContain('DATA')
  })

  it('that refuses each recipient, or the message', async () => {
    await using directory = serverDirectory()
    await using world = await scripted({})
    world.server.on.rcpt(carol).reply(550, '5.1.1 Nobody')
    world.server.on.message().reply(554, '5.7.1 Not that')
    const log = await sendByExim(directory, world.port, letter, [bob, carol])
    expect(log).toMatch(/\*\* carol@rome\.test .*550 5\.1\.1 Nobody/)
    expect(log).toMatch(/\*\* bob@rome\.test .*554 5\.7\.1 Not that/)
    expect(world.server.messages).toEqual([])
  })
})

describeWith(['swaks'], 'swaks delivers to a scripted server by LMTP', () => {
  it('and hears of each recipient', async () => {
    await using world = await lmtp()
    const args = ['--server', '127.0.0.1', '--port', String(world.port), '--protocol', 'LMTP']
    const to = [bob, full, 'nobody@rome.test', carol].join(',')
    const sent = await runProgram('swaks', [...args, '--from', 'alice@paris.test', '--to', to, '--body', 'x'])
    expect(sent.output.match(/^(?:<-|<\*\*) +[245]\d\d \d\.\d\.\d (?:Taken|Full|Nobody)/gm)).toEqual([
      '<** 550 5.1.1 Nobody',
      '<-  250 2.0.0 Taken',
      '<** 452 4.2.2 Full',
      '<-  250 2.0.0 Taken',
    ])
    expect(world.server.messages).toMatchObject([{ recipients: [bob, carol] }])
  })
})

// It reads one reply after the message, and so sends to one recipient at a time.
const smtplib = `
import smtplib, sys
letter = sys.stdin.buffer.read()
with smtplib.LMTP('127.0.0.1', int(sys.argv[1]), local_hostname='client.test') as client:
    for recipient in sys.argv[2:]:
        try:
            print(client.sendmail('alice@paris.test', [recipient], letter))
        except smtplib.SMTPDataError as refusal:
            print(refusal.smtp_code)
`

describeWith([python], "python's smtplib delivers to a scripted server by LMTP", () => {
  it('byte for byte', async () => {
    await using world = await lmtp()
    const args = ['-c', smtplib, String(world.port), bob, full, carol]
    const sent = await runProgram('/usr/bin/python3', args, `Subject: dots\r\n\r\n${body}`)
    expect(sent).toEqual({ code: 0, output: '{}\n452\n{}\n', problems: '' })
    expect(world.server.messages.map(message => message.recipients)).toEqual([[bob], [carol]])
    expect(world.server.messages[0]?.raw.toString()).toBe(`Subject: dots\r\n\r\n${body}`)
  })
})
