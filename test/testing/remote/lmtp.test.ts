import { describe, expect, it } from 'vitest'
import { createScriptedServer } from '../../../src/testing/remote/create-scripted-server.js'
import type { ScriptedServerOptions } from '../../../src/testing/remote/options.js'
import { Conversation } from '../../smtp-server/conversation.js'

async function lmtp(options: ScriptedServerOptions = {}) {
  const server = createScriptedServer({ protocol: 'lmtp', ...options })
  const { port } = await server.listen()
  const client = await Conversation.open(port)
  await client.expect('220 scripted.test LMTP')
  return { server, client, [Symbol.asyncDispose]: () => server.close() }
}

async function handIn(client: Conversation, ...recipients: string[]) {
  await client.ask('LHLO client.test', '250-scripted.test')
  await client.ask('MAIL FROM:<alice@paris.test>', '250')
  for (const recipient of recipients) await client.ask(`RCPT TO:<${recipient}>`, /^[25]50/)
  await client.ask('DATA', '354')
  client.send('Subject: Hello\r\n\r\n..dot\r\n.')
}

const [a, b, c] = ['a@rome.test', 'b@rome.test', 'c@rome.test']

describe('a scripted server of LMTP', () => {
  it('takes LHLO alone, as one of SMTP takes all but LHLO', async () => {
    await using world = await lmtp()
    await world.client.ask('EHLO client.test', '500')
    await world.client.ask('HELO client.test', '500')
    await world.client.ask('LHLO client.test', '250-scripted.test')
    await using smtp = createScriptedServer()
    const { port } = await smtp.listen()
    const client = await Conversation.open(port)
    await client.expect('220 scripted.test ESMTP')
    await client.ask('LHLO client.test', '500')
    await client.ask('HELO client.test', '250')
  })

  it('answers the message for each recipient that was taken, and takes it for those who got 2xx', async () => {
    await using world = await lmtp()
    const { server, client } = world
    server.on.rcpt('nobody@rome.test').reply(550, '5.1.1 Nobody')
    server.on.message((_text, _peer, { recipient }) => recipient === b).reply(452, '4.2.2 Full')
    await handIn(client, a, 'nobody@rome.test', b, c)
    await client.expect('250')
    await client.expect('452 4.2.2 Full')
    await client.expect('250')
    expect(server.messages).toMatchObject([{ sender: 'alice@paris.test', recipients: [a, c] }])
    expect(server.messages[0]?.raw.toString()).toBe('Subject: Hello\r\n\r\n.dot\r\n')
    await client.ask('QUIT', '221')
    expect(client.pending).toBe('')
  })

  it('counts apart by recipient, while each waits for the one before', async () => {
    await using world = await lmtp()
    const { server, client } = world
    server.on.message().per('recipient').times(1).reply(451, '4.2.0 Once').then.accept()
    server.on.message((_text, _peer, { recipient }) => recipient === a).delay(1)
    await handIn(client, a, b, c)
    for (const reply of ['250', '451', '451']) await client.expect(reply)
    await handIn(client, a, b, c)
    for (const reply of ['250', '250', '250']) await client.expect(reply)
    expect(server.messages.map(message => message.recipients)).toEqual([[a], [a, b, c]])
  })

  it('takes nothing where nobody got 2xx, and begins anew after each message', async () => {
    await using world = await lmtp({ script: { dot: '554 5.7.1 No' } })
    await handIn(world.client, a, b)
    for (const _ of [a, b]) await world.client.expect('554')
    expect(world.server.messages).toEqual([])
    await world.client.ask(`RCPT TO:<${c}>`, '503')
    await world.client.ask('DATA', '503')
  })

  it('says nothing more once it has gone', async () => {
    await using world = await lmtp()
    world.server.on.message().times(1).accept().then.reply(421, '4.3.2 Bye')
    await handIn(world.client, a, b, c)
    await world.client.expect('250')
    await world.client.expect('421')
    expect(await world.client.closed()).toBe('')
    expect(world.server.messages).toMatchObject([{ recipients: [a] }])
  })
})
