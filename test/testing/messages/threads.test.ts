import { describe, expect, it } from 'vitest'
import { createTestMail, type TestMail } from '../../../src/testing/index.js'
import { send } from '../send.js'

/** Sends the octets of a message as they are, and gives it as a test has it. */
async function sent(mail: TestMail, fields: readonly string[]) {
  const after = mail.cursor()
  const raw = `${fields.join('\r\n')}\r\n\r\nHello\r\n`
  await send(mail, { envelope: { from: 'shop@app.test', to: ['a@x.test'] }, raw })
  return mail.waitForMessage({ to: 'a@x.test' }, { after })
}

describe('the thread of a message (RFC 5322 §3.6.4)', () => {
  it.each([
    [
      'References',
      ['References: <1@x.test> <2@x.test>', 'In-Reply-To: <2@x.test>'],
      ['<1@x.test>', '<2@x.test>'],
    ],
    ['In-Reply-To alone', ['In-Reply-To: <2@x.test>'], ['<2@x.test>']],
    ['neither', [], []],
  ])('goes on from %s when it is answered and when it is passed on', async (_what, fields, before) => {
    await using mail = await createTestMail()
    const parent = await sent(mail, ['From: shop@app.test', 'Message-ID: <3@x.test>', ...fields])
    const after = mail.cursor()
    await parent.reply()
    await parent.forward({ to: 'boss@x.test' })
    for (const to of ['shop@app.test', 'boss@x.test']) {
      const next = await mail.waitForMessage({ to }, { after })
      expect(next.inReplyTo).toBe('<3@x.test>')
      expect(next.references).toEqual([...before, '<3@x.test>'])
    }
  })

  it('cannot go on from a message without an id', async () => {
    await using mail = await createTestMail()
    const parent = await sent(mail, ['From: shop@app.test', 'References: <1@x.test>'])
    const after = mail.cursor()
    await parent.reply()
    const reply = await mail.waitForMessage({ to: 'shop@app.test' }, { after })
    expect([reply.inReplyTo, reply.references]).toEqual([undefined, []])
  })
})

describe('a reply goes', () => {
  it.each([
    ['to Reply-To', ['From: author@app.test', 'Reply-To: help@app.test'], 'help@app.test'],
    ['to From without it', ['From: author@app.test'], 'author@app.test'],
    ['to the sender without either', ['Subject: of nobody'], 'shop@app.test'],
  ])('%s', async (_where, fields, to) => {
    await using mail = await createTestMail()
    const parent = await sent(mail, fields)
    const after = mail.cursor()
    await parent.reply()
    expect((await mail.waitForMessage({}, { after })).recipients).toEqual([to])
  })
})
