import { describe, expect, it } from 'vitest'
import { createScriptedServer } from '../../../src/testing/remote/create-scripted-server.js'
import type { ScriptedServerOptions } from '../../../src/testing/remote/options.js'
import { Conversation } from '../../smtp-server/conversation.js'

async function chunked(options: ScriptedServerOptions = {}, ...recipients: string[]) {
  const server = createScriptedServer(options)
  const { port } = await server.listen()
  const client = await Conversation.open(port)
  await client.expect('220')
  const hello = await client.ask(`${options.protocol === 'lmtp' ? 'LHLO' : 'EHLO'} client.test`, '250')
  const begin = async () => {
    await client.ask('MAIL FROM:<alice@paris.test>', '250')
    for (const one of recipients.length === 0 ? ['bob@rome.test'] : recipients)
      await client.ask(`RCPT TO:<${one}>`, '250')
  }
  const chunk = (size: string, octets: string, reply: string) => {
    client.write(`BDAT ${size}\r\n${octets}`)
    return client.expect(reply)
  }
  await begin()
  return { server, client, hello, begin, chunk, [Symbol.asyncDispose]: () => server.close() }
}

describe('a scripted server takes BDAT (RFC 3030)', () => {
  it('in chunks, byte for byte, whatever is in them', async () => {
    await using world = await chunked()
    const { server, client, hello } = world
    expect(hello).toMatch(/^250.CHUNKING$/m)
    const parts = ['Subject: x\r\n\r\n..\r\n.\r\nQUIT\r\n', '', '\u0000\u00ff\n.'].map(part =>
      Buffer.from(part, 'latin1'),
    )
    for (const [index, part] of parts.entries()) {
      client.write(`BDAT ${part.length}${index === 2 ? ' LAST' : ''}\r\n`)
      client.write(part)
      await client.expect(index === 2 ? '250 2.0.0 Taken' : `250 2.0.0 ${part.length} octets`)
    }
    expect(server.messages).toMatchObject([{ recipients: ['bob@rome.test'], raw: Buffer.concat(parts) }])
    expect(server.connections[0]?.messages).toEqual([Buffer.concat(parts)])
    expect(server.connections[0]?.commands.at(-1)).toBe('BDAT 4 LAST')
  })

  it('cut into any pieces, and pipelined', async () => {
    await using world = await chunked()
    const { server, client } = world
    for (const octet of 'BDAT 4\r\na\r\nbBDAT 2 last\r\n\r\nRSET\r\n') client.write(octet)
    for (const reply of ['250 2.0.0 4', '250 2.0.0 Taken', '250 2.0.0 Flushed']) await client.expect(reply)
    expect(server.messages[0]?.raw.toString()).toBe('a\r\nb\r\n')
  })

  it('and asks its rules: for each chunk, and for the message', async () => {
    await using world = await chunked()
    const { server, chunk, begin } = world
    server.on.message(/spam/).reply(554, '5.7.1 Spam')
    await chunk('4 LAST', 'spam', '554 5.7.1')
    expect(server.messages).toEqual([])
    server.on.bdat('5').reply(452, '4.3.1 Full')
    await begin()
    await chunk('1', '-', '250')
    await chunk('5', 'QUIT\r', '452')
    // What was streamed behind it is taken off the wire, and not heeded.
    await chunk('6 LAST', 'RSET\r\n', '503')
    expect(server.messages).toEqual([])
    await begin()
    await chunk('2 LAST', 'ok', '250')
    expect(server.messages[0]?.raw.toString()).toBe('ok')
  })

  it('after a rule of its own as well', async () => {
    await using world = await chunked()
    world.server.on.bdat().reply(250, '2.0.0 Mine')
    await world.chunk('2', 'ab', '250 2.0.0 Mine')
    expect(world.server.messages).toEqual([])
    await world.chunk('2 LAST', 'cd', '250 2.0.0 Mine')
    expect(world.server.messages[0]?.raw.toString()).toBe('abcd')
  })

  it('in order alone: no DATA after it, no BDAT without recipients, none that was not offered', async () => {
    await using world = await chunked()
    const { client, chunk } = world
    await chunk('1', 'x', '250')
    await client.ask('DATA', '503')
    await client.ask('RSET', '250')
    await chunk('6 LAST', 'QUIT\r\n', '503')
    await client.ask('BDAT six', '501')
    await using old = await chunked({ extensions: ['PIPELINING'] })
    await old.client.ask('BDAT 6', '500')
    await old.client.ask('NOOP', '250')
  })

  it('in LMTP with a reply for each recipient after the last chunk', async () => {
    await using world = await chunked({ protocol: 'lmtp' }, 'a@rome.test', 'b@rome.test')
    const { server, client, chunk } = world
    server.on.message((_text, _peer, { recipient }) => recipient === 'a@rome.test').reply(452, '4.2.2 Full')
    await chunk('2', 'ab', '250')
    await client.ask('BDAT 0 LAST', '452')
    await client.expect('250')
    expect(server.messages).toMatchObject([{ recipients: ['b@rome.test'], raw: Buffer.from('ab') }])
  })
})
