import { describe, expect, it } from 'vitest'
import type { MessageSource } from '../../src/message/message-source.js'
import { bytesSource } from '../../src/message/sources.js'
import { createOutsideWorld, letter } from './outside-world.js'

describe('a transaction', () => {
  it('says RFC 5321 and hands over the very message', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    expect(await world.deliver()).toEqual([
      {
        recipient: 'bob@rome.test',
        status: 'delivered',
        scope: 'message',
        host: 'mx.rome.test',
        address: rome.address,
        reply: { code: 250, enhanced: '2.0.0', text: 'Taken' },
        reason: '250 2.0.0 Taken',
        dsnPassedOn: false,
        tlsRule: 'opportunistic',
      },
    ])
    await world.transport.close()
    await rome.connections[0]?.closed
    expect(rome.connections[0]?.commands).toEqual([
      'EHLO mx.paris.test',
      `MAIL FROM:<alice@paris.test> SIZE=${letter.size}`,
      'RCPT TO:<bob@rome.test>',
      'DATA',
      'QUIT',
    ])
    expect(rome.connections[0]?.messages.map(String)).toEqual(['Subject: Hello\r\n\r\nHow are you?\r\n'])
  })

  it('writes the whole envelope at once to a server that pipelines (RFC 2920)', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome()
    await world.deliver({ to: ['bob@rome.test', 'carol@rome.test'] })
    expect(rome.connections[0]?.pieces[1]).toBe(
      `MAIL FROM:<alice@paris.test> SIZE=${letter.size}\r\nRCPT TO:<bob@rome.test>\r\nRCPT TO:<carol@rome.test>\r\nDATA\r\n`,
    )
  })

  it('waits for each reply of a server that does not', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ extensions: [] })
    const outcomes = await world.deliver({ to: ['bob@rome.test', 'carol@rome.test'] })
    expect(outcomes.map(outcome => outcome.status)).toEqual(['delivered', 'delivered'])
    expect(rome.connections[0]?.pieces.slice(1)).toEqual([
      'MAIL FROM:<alice@paris.test>\r\n',
      'RCPT TO:<bob@rome.test>\r\n',
      'RCPT TO:<carol@rome.test>\r\n',
      'DATA\r\n',
    ])
  })

  it('says HELO to a server that does not know EHLO', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ EHLO: '502 5.5.1 What?' })
    expect((await world.deliverOne({ envelope: { sender: '', ret: 'hdrs', body: '8bitmime' } })).status).toBe(
      'delivered',
    )
    expect(rome.connections[0]?.commands.slice(0, 3)).toEqual([
      'EHLO mx.paris.test',
      'HELO mx.paris.test',
      'MAIL FROM:<>',
    ])
  })

  it('passes the wishes for DSNs on where they are understood (RFC 3461)', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ extensions: ['DSN'] })
    const outcome = await world.deliverOne({
      envelope: { sender: 'alice@paris.test', ret: 'full', envid: 'a+b c' },
      to: [
        { address: 'bob@rome.test', notify: ['success', 'delay'], originalRecipient: 'rfc822;b=ob@old.test' },
      ],
    })
    expect(outcome).toMatchObject({ status: 'delivered', dsnPassedOn: true })
    expect(rome.connections[0]?.commands.slice(1, 3)).toEqual([
      'MAIL FROM:<alice@paris.test> RET=FULL ENVID=a+2Bb+20c',
      'RCPT TO:<bob@rome.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+3Dob@old.test',
    ])
  })

  it('writes an international original recipient in the escapes of RFC 6533', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ extensions: ['DSN'] })
    await world.deliver({ to: [{ address: 'bob@rome.test', originalRecipient: 'utf-8;zoë+x@rome.test' }] })
    expect(rome.connections[0]?.commands[2]).toBe(
      'RCPT TO:<bob@rome.test> ORCPT=utf-8;zo\\x{EB}\\x{2B}x@rome.test',
    )
  })

  it.each([
    ['utf-8;b\\x{F6}\\x{2B}b@rome.test', 'utf-8;b\\x{F6}\\x{2B}b@rome.test'],
    ['utf-8;zoë\\x{f6}@rome.test', 'utf-8;zo\\x{EB}\\x{f6}@rome.test'],
    ['utf-8;a\\x{0D}b@rome.test', 'utf-8;a\\x{0D}b@rome.test'],
    ['utf-8;"\\x\\{ſ"@rome.test', 'utf-8;"\\x{5C}x\\x{5C}{\\x{17F}"@rome.test'],
  ])('does not escape again what is escaped: %s', async (originalRecipient, written) => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ extensions: ['DSN'] })
    await world.deliver({ to: [{ address: 'bob@rome.test', originalRecipient }] })
    expect(rome.connections[0]?.commands[2]).toBe(`RCPT TO:<bob@rome.test> ORCPT=${written}`)
  })

  it('keeps them to itself where they are not', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ extensions: [] })
    const outcome = await world.deliverOne({
      envelope: { sender: 'alice@paris.test', ret: 'full', envid: 'x' },
      to: [{ address: 'bob@rome.test', notify: ['never'] }],
    })
    expect(outcome).toMatchObject({ status: 'delivered', dsnPassedOn: false })
    expect(rome.connections[0]?.commands.slice(1, 3)).toEqual([
      'MAIL FROM:<alice@paris.test>',
      'RCPT TO:<bob@rome.test>',
    ])
  })

  it('declares 8BITMIME where that is offered, and sends the same bytes where it is not', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome([{ extensions: ['8BITMIME'] }, { extensions: [] }])
    const message = bytesSource('Subject: x\r\n\r\nzoë\r\n')
    for (let time = 0; time < 2; time++) {
      await world.deliver({ envelope: { sender: 'alice@paris.test', body: '8bitmime' }, message })
      await world.clock.advance('1m')
    }
    expect(rome.connections.map(peer => peer.commands[1])).toEqual([
      'MAIL FROM:<alice@paris.test> BODY=8BITMIME',
      'MAIL FROM:<alice@paris.test>',
    ])
    expect(rome.connections.map(peer => String(peer.messages[0]))).toEqual(
      Array(2).fill('Subject: x\r\n\r\nzoë\r\n'),
    )
  })

  it('streams a large message, opened once, no faster than it is taken', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({
      extensions: ['PIPELINING'],
      DATA: peer => {
        peer.say(['354 Go ahead'])
        peer.stopReading()
      },
    })
    const chunk = Buffer.from('0123456789abcdef\r\n'.repeat(4096))
    const count = 200
    let given = 0
    const message: MessageSource = {
      size: chunk.length * count,
      async *open() {
        for (; given < count; given++) yield chunk
      },
    }
    const delivering = world.deliverOne({ message })
    await world.clock.advance('2m')
    const before = given
    expect(before).toBeLessThan(count / 2)
    rome.connections[0]?.resumeReading()
    expect((await delivering).status).toBe('delivered')
    expect(rome.connections[0]?.messages[0]?.length).toBe(message.size)
  })
})

describe('what a server does not offer', () => {
  it('fails a message over its SIZE without sending it (RFC 1870)', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ extensions: ['SIZE 10'] })
    expect(await world.deliverOne()).toMatchObject({ status: 'failed', scope: 'message', enhanced: '5.3.4' })
    expect(rome.connections[0]?.commands).toEqual(['EHLO mx.paris.test'])
  })

  it('takes a message that has just the SIZE, and keywords in any case', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome([
      { extensions: [`size ${letter.size}`] },
      { extensions: [`Size ${letter.size - 1}`] },
    ])
    expect((await world.deliverOne()).status).toBe('delivered')
    expect(rome.connections[0]?.commands[1]).toBe(`MAIL FROM:<alice@paris.test> SIZE=${letter.size}`)
    await world.clock.advance('1m')
    expect(await world.deliverOne()).toMatchObject({ status: 'failed', enhanced: '5.3.4' })
  })

  it('takes SIZE without a number, or 0, for no limit', async () => {
    await using world = await createOutsideWorld()
    await world.rome([{ extensions: ['SIZE'] }, { extensions: ['SIZE 0'] }])
    expect((await world.deliverOne()).status).toBe('delivered')
    await world.clock.advance('1m')
    expect((await world.deliverOne()).status).toBe('delivered')
  })

  it('fails what needs SMTPUTF8 (RFC 6531), and only that', async () => {
    await using world = await createOutsideWorld()
    await world.rome({ extensions: [] })
    const [zoe, bob] = await world.deliver({ to: ['zoë@rome.test', 'bob@rome.test'] })
    expect(zoe).toMatchObject({
      recipient: 'zoë@rome.test',
      status: 'failed',
      scope: 'recipient',
      enhanced: '5.6.7',
    })
    expect(bob).toMatchObject({ recipient: 'bob@rome.test', status: 'delivered' })
    expect(await world.deliverOne({ envelope: { sender: 'zoë@paris.test' } })).toMatchObject({
      status: 'failed',
      scope: 'message',
      enhanced: '5.6.7',
    })
  })

  it('does not take a client at its word that asked for SMTPUTF8 without need', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ extensions: [] })
    const envelope = { sender: 'alice@paris.test', smtputf8: true }
    const body = bytesSource('Subject: x\r\n\r\nzoë\r\n')
    expect((await world.deliverOne({ envelope, message: body })).status).toBe('delivered')
    const header = bytesSource('Subject: zoë\r\n\r\nx\r\n')
    expect(await world.deliverOne({ envelope, message: header })).toMatchObject({
      status: 'failed',
      enhanced: '5.6.7',
    })
    expect(rome.connections[0]?.commands[1]).toBe('MAIL FROM:<alice@paris.test>')
  })

  it('says SMTPUTF8 where it is offered and needed', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ extensions: ['SMTPUTF8'] })
    await world.deliver({ to: ['zoë@rome.test'] })
    expect(rome.connections[0]?.commands.slice(1, 3)).toEqual([
      'MAIL FROM:<alice@paris.test> SMTPUTF8',
      'RCPT TO:<zoë@rome.test>',
    ])
  })

  it('fails a BINARYMIME message, which DATA cannot carry (RFC 3030)', async () => {
    await using world = await createOutsideWorld()
    await world.rome()
    const envelope = { sender: 'alice@paris.test', body: 'binarymime' } as const
    expect(await world.deliverOne({ envelope })).toMatchObject({ status: 'failed', enhanced: '5.6.3' })
  })

  it('never lets an address end its command', async () => {
    await using world = await createOutsideWorld()
    const rome = await world.rome({ extensions: ['SMTPUTF8'] })
    const [bad, good] = await world.deliver({ to: ['bob@rome.test>\r\nRCPT TO:<x@y.test', 'bob@rome.test'] })
    expect(bad).toMatchObject({ status: 'failed', scope: 'recipient', enhanced: '5.1.3' })
    expect(good).toMatchObject({ status: 'delivered' })
    expect(await world.deliverOne({ envelope: { sender: 'a@b.test>\nX' } })).toMatchObject({
      status: 'failed',
      enhanced: '5.1.7',
    })
    expect(rome.connections.flatMap(peer => peer.commands).join()).not.toContain('y.test')
  })
})
