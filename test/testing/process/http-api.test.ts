import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createTransport } from 'nodemailer'
import { describe, expect, it } from 'vitest'
import { Dialogue } from '../../pop3/dialogue.js'
import { Conversation } from '../../smtp-server/conversation.js'
import { temporaryDirectory } from '../../testing-tools/temporary-directory.js'
import { sendBy } from './send-by.js'
import { type Json, type ServedProcess, serveProcess } from './served-process.js'

/** A request with headers that `fetch` does not let anybody set. */
function ask(port: number, headers: Record<string, string>, method = 'GET', path = '/api/v1/messages') {
  return new Promise<number | undefined>((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers }, response => {
      response.resume()
      resolve(response.statusCode)
    })
    request.on('error', reject)
    request.end()
  })
}

async function subjects(posthorn: ServedProcess): Promise<string[]> {
  const { json } = await posthorn.api('GET', '/messages')
  return json.messages.map(({ subject }: Json) => subject)
}

/** How many messages STAT counts in a maildrop. */
async function maildropOf(port: number, user: string): Promise<number> {
  const socket = connect({ host: '127.0.0.1', port })
  const client = new Dialogue(socket)
  await client.line()
  await client.ask(`USER ${user}`)
  await client.ask('PASS test')
  const answer = await client.ask('STAT')
  socket.destroy()
  return Number(answer.split(' ')[1])
}

describe('messages by HTTP', () => {
  it('are listed, searched and shown', async () => {
    await using posthorn = await serveProcess()
    await sendBy(posthorn.smtp, { to: 'alice@customer.test', subject: 'Your order' })
    await sendBy(posthorn.smtp, { to: 'bob@customer.test', subject: 'Your invoice' })
    const all = await posthorn.api('GET', '/messages')
    expect(all.json.messages.map((message: Json) => message.subject)).toEqual(['Your order', 'Your invoice'])
    expect(all.json.cursor).toBe(2)
    const found = await posthorn.api('GET', '/messages?to=BOB@&subject=invoice')
    expect(found.json.messages).toHaveLength(1)
    const [{ id }] = found.json.messages
    const { json } = await posthorn.api('GET', `/messages/${id}`)
    expect(json).toMatchObject({
      sender: 'app@shop.test',
      recipients: ['bob@customer.test'],
      text: 'Hello\n',
    })
    expect(json.session.tls.version).toBe('TLSv1.3')
    expect((await posthorn.api('GET', '/messages?after=1')).json.messages).toHaveLength(1)
    expect((await posthorn.api('GET', '/messages?limit=1')).json.messages).toHaveLength(1)
    const newest = await posthorn.api('GET', '/messages?order=newest&limit=1&to=@customer')
    expect(newest.json.messages.map((message: Json) => message.subject)).toEqual(['Your invoice'])
  })

  it('are given out as they came, in a way that no browser runs', async () => {
    await using posthorn = await serveProcess()
    const raw = 'Subject: <script>\r\nContent-Type: text/html\r\n\r\n<script>alert(1)</script>\r\n'
    await sendBy(posthorn.smtp, { to: 'a@b.test', raw })
    const [{ id }] = (await posthorn.api('GET', '/messages')).json.messages
    const response = await fetch(`http://127.0.0.1:${posthorn.http}/api/v1/messages/${id}/raw`)
    expect(await response.text()).toBe(raw)
    expect(response.headers.get('content-type')).toBe('message/rfc822')
    expect(response.headers.get('content-security-policy')).toBe("default-src 'none'; sandbox")
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('are waited for, whether they came or will', async () => {
    await using posthorn = await serveProcess()
    const wait = posthorn.api('POST', '/wait', { match: { to: 'a@b.test' }, timeout: '10s' })
    await sendBy(posthorn.smtp, { to: 'a@b.test', subject: 'One' })
    expect(await wait).toMatchObject({ status: 200, json: { subject: 'One', number: 1 } })
    const again = await posthorn.api('POST', '/wait', { match: { subject: { contains: 'ON' } } })
    expect(again.json.number).toBe(1)
    const none = await posthorn.api('POST', '/wait', { match: { subject: 'Two' }, timeout: 0 })
    expect(none.status).toBe(408)
    expect(none.json.error).toContain('One')
  })

  it('are read page by page, by the cursor', async () => {
    await using posthorn = await serveProcess()
    for (const to of ['a@b.test', 'other@b.test', 'a@b.test', 'a@b.test']) await sendBy(posthorn.smtp, { to })
    const numbers: number[] = []
    for (let after = 0; after < 4; ) {
      const { json } = await posthorn.api('GET', `/messages?to=a@&limit=1&after=${after}`)
      numbers.push(...json.messages.map((message: Json) => message.number))
      expect(json.cursor).toBeGreaterThan(after)
      after = json.cursor
    }
    expect(numbers).toEqual([1, 3, 4])
  })

  it('are forgotten when asked to', async () => {
    await using posthorn = await serveProcess()
    await sendBy(posthorn.smtp, { to: 'a@b.test' })
    expect(await posthorn.api('DELETE', '/messages')).toMatchObject({ status: 204 })
    expect((await posthorn.api('GET', '/messages')).json.messages).toEqual([])
  })

  it('are forgotten one by one, in mailboxes too', async () => {
    await using posthorn = await serveProcess()
    for (const subject of ['One', 'Two']) await sendBy(posthorn.smtp, { to: 'a@b.test', subject })
    const [{ id }] = (await posthorn.api('GET', '/messages')).json.messages
    expect(await posthorn.api('DELETE', `/messages/${id}`)).toMatchObject({ status: 204 })
    expect((await posthorn.api('DELETE', `/messages/${id}`)).status).toBe(404)
    expect(await subjects(posthorn)).toEqual(['Two'])
    expect(await maildropOf(posthorn.pop3, 'a@b.test')).toBe(1)
  })

  it('are kept as many as was said, the newest', async () => {
    await using posthorn = await serveProcess('--max-messages', '2')
    for (const subject of ['One', 'Two', 'Three']) await sendBy(posthorn.smtp, { to: 'a@b.test', subject })
    expect(await subjects(posthorn)).toEqual(['Two', 'Three'])
    expect(await maildropOf(posthorn.pop3, 'a@b.test')).toBe(2)
  })

  it('are sent', async () => {
    await using posthorn = await serveProcess()
    const message = { from: 'a@x.test', to: ['b@x.test'], subject: 'Hi', text: 'there' }
    expect((await posthorn.api('POST', '/send', message)).status).toBe(201)
    const { json } = await posthorn.api('POST', '/wait', { match: { to: 'b@x.test' } })
    expect(json).toMatchObject({ subject: 'Hi', text: 'there\n' })
  })
})

describe('rest by HTTP', () => {
  it('is waited for', async () => {
    await using posthorn = await serveProcess()
    expect(await posthorn.api('POST', '/idle', {})).toMatchObject({ status: 204 })
    const client = await Conversation.open(posthorn.smtp)
    await client.expect('220')
    const busy = await posthorn.api('POST', '/idle', { timeout: 20 })
    expect(busy).toMatchObject({ status: 408, json: { error: expect.stringContaining('220 mail.test') } })
    const idle = posthorn.api('POST', '/idle', { timeout: '10s' })
    client.destroy()
    expect(await idle).toMatchObject({ status: 204 })
  })
})

describe('attachments by HTTP', () => {
  it('are given out decoded, one by one', async () => {
    await using posthorn = await serveProcess()
    const content = Buffer.from([0, 13, 10, 255])
    const attachments = [
      { filename: 'a.bin', content },
      { filename: 'b.html', content: '<script>', contentType: 'text/html' },
    ]
    await sendBy(posthorn.smtp, { to: 'a@b.test', attachments })
    const [{ id }] = (await posthorn.api('GET', '/messages')).json.messages
    const get = (index: string) =>
      fetch(`http://127.0.0.1:${posthorn.http}/api/v1/messages/${id}/attachments/${index}`)
    const first = await get('0')
    expect(Buffer.from(await first.arrayBuffer())).toEqual(content)
    expect(first.headers.get('content-type')).toBe('application/octet-stream')
    const second = await get('1')
    expect(await second.text()).toBe('<script>')
    expect(second.headers.get('content-type')).toBe('text/html')
    expect(second.headers.get('content-security-policy')).toBe("default-src 'none'; sandbox")
    for (const none of ['2', '-1', 'a']) expect((await get(none)).status).toBe(404)
  })
})

describe('time by HTTP', () => {
  it('passes when told to: mail that nobody takes comes back after 30 hours', async () => {
    await using posthorn = await serveProcess('--domain', 'app.test')
    const before = (await posthorn.api('GET', '/clock')).json.now
    const bounces = async () => (await posthorn.api('GET', '/messages?to=shop@app.test')).json.messages
    // Nobody is at that address, so that attempts time out.
    const letter = { from: 'shop@app.test', to: 'bob@[198.51.100.9]', subject: 'Hello', text: 'there' }
    await posthorn.api('POST', '/send', letter)
    await posthorn.api('POST', '/clock/advance', { by: '3h' })
    expect(await bounces()).toEqual([])
    await posthorn.api('POST', '/clock/advance', { by: '26h' })
    // After four hours, a warning.
    expect(await bounces()).toHaveLength(1)
    const { json } = await posthorn.api('POST', '/clock/advance', { by: '2h' })
    expect(json.now - before).toBeGreaterThanOrEqual(31 * 3_600_000)
    const [, bounce] = await bounces()
    expect(bounce).toMatchObject({ sender: '', recipients: ['shop@app.test'] })
    const hours = (new Date(bounce.receivedAt).getTime() - before) / 3_600_000
    expect(hours).toBeGreaterThan(29)
    expect(hours).toBeLessThan(30.1)
    const { text } = (await posthorn.api('GET', `/messages/${bounce.id}`)).json
    expect(text).toContain('bob@[198.51.100.9]')
  })
})

describe('events by HTTP', () => {
  it('are told as they happen', async () => {
    await using posthorn = await serveProcess()
    const response = await fetch(`http://127.0.0.1:${posthorn.http}/api/v1/events`)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    await sendBy(posthorn.smtp, { to: 'a@b.test' })
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true })
      if (text.includes('message:accepted') && text.endsWith('\n\n')) break
    }
    expect(text).toMatch(/^event: message:accepted\ndata: \{"time":\d+,.*"recipients":\["a@b\.test"\]/m)
  })
})

describe('what arrives without a client', () => {
  it('is told of by events and log: sent by the API, and returned', async () => {
    await using posthorn = await serveProcess('--domain', 'app.test')
    await posthorn.api('POST', '/send', { from: 'a@app.test', to: 'b@app.test', text: 'x' })
    await posthorn.api('POST', '/send', { from: 'a@app.test', to: 'c@elsewhere.test', text: 'x' })
    await posthorn.api('POST', '/wait', { match: { from: '', to: 'a@app.test' } })
    const arrived = posthorn.lines
      .map(line => JSON.parse(line))
      .filter(({ event }) => event === 'message:arrived')
    const told = arrived.map(({ sender, recipients }) => [sender, recipients])
    expect(told).toEqual(
      expect.arrayContaining([
        ['a@app.test', ['b@app.test']],
        ['', ['a@app.test']],
      ]),
    )
  })
})

describe('the certificate', () => {
  it('can be had by HTTP and as a file', async () => {
    const path = join(temporaryDirectory(), 'ca.pem')
    await using posthorn = await serveProcess('--ca-file', path)
    const response = await fetch(`http://127.0.0.1:${posthorn.http}/ca.pem`)
    const ca = await response.text()
    expect(readFileSync(path, 'utf8')).toBe(ca)
    const transport = createTransport({ host: '127.0.0.1', port: posthorn.smtp, tls: { ca } })
    await transport.verify()
    transport.close()
    await expect(serveProcess('--ca-file', '/nowhere/ca.pem')).rejects.toThrow(/--ca-file: cannot write/)
  })

  it('is no matter without STARTTLS', async () => {
    await using posthorn = await serveProcess('--no-starttls')
    const transport = createTransport(`smtp://127.0.0.1:${posthorn.smtp}`)
    await transport.verify()
    transport.close()
  })
})

describe('the API', () => {
  it('is described', async () => {
    await using posthorn = await serveProcess()
    const response = await fetch(`http://127.0.0.1:${posthorn.http}/openapi.json`)
    const { openapi, paths } = (await response.json()) as Json
    expect(openapi).toBe('3.1.0')
    expect(Object.keys(paths)).toEqual([
      '/api/v1/messages',
      '/api/v1/messages/{id}',
      '/api/v1/messages/{id}/raw',
      '/api/v1/messages/{id}/attachments/{index}',
      '/api/v1/wait',
      '/api/v1/idle',
      '/api/v1/send',
      '/api/v1/faults',
      '/api/v1/faults/{id}',
      '/api/v1/clock',
      '/api/v1/clock/advance',
      '/api/v1/events',
      '/ca.pem',
    ])
    expect(Object.keys(paths['/ca.pem'].get.responses[200].content)).toEqual(['application/x-pem-file'])
    expect(Object.keys(paths['/api/v1/messages/{id}'])).toEqual(['get', 'delete'])
    const named = paths['/api/v1/messages/{id}/attachments/{index}'].get.parameters
    expect(named.map((each: Json) => each.name)).toEqual(['id', 'index'])
    const { schema } = paths['/api/v1/wait'].post.requestBody.content['application/json']
    expect(Object.keys(schema.properties)).toEqual(['match', 'timeout', 'after'])
    expect(paths['/api/v1/messages'].get.parameters.map((each: Json) => each.name)).toContain('after')
  })

  it.each([
    ['another site', { origin: 'http://evil.test' }, 403],
    ['another port', { origin: 'http://127.0.0.1:1' }, 403],
    ['a page that hides its origin', { origin: 'null' }, 403],
    ['an image on another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a name made to point here', { host: 'evil.test' }, 421],
    ['a tool by name', { host: 'localhost:8025' }, 200],
    ['a tool by IPv6', { host: '[::1]:8025' }, 200],
  ])('treats %s as it should', async (_who, headers, status) => {
    await using posthorn = await serveProcess()
    expect(await ask(posthorn.http, headers)).toBe(status)
  })

  it('lets in the names it was told of', async () => {
    await using posthorn = await serveProcess('--allow-host', 'mail.local')
    expect(await ask(posthorn.http, { host: 'mail.local:80' })).toBe(200)
  })

  it('takes JSON alone, which forms cannot send', async () => {
    await using posthorn = await serveProcess()
    const body = JSON.stringify({ verb: 'mail', code: 550 })
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp']) {
      const headers = { 'content-type': type }
      const url = `http://127.0.0.1:${posthorn.http}/api/v1/faults`
      expect((await fetch(url, { method: 'POST', body, headers })).status).toBe(415)
    }
    expect((await posthorn.api('GET', '/faults')).json.faults).toEqual([])
  })

  it.each([
    ['POST', '/faults', { verb: 'quit', code: 550 }, 400, 'verb'],
    ['POST', '/faults', { verb: 'rcpt', code: 200 }, 400, 'code'],
    ['POST', '/faults', { verb: 'rcpt' }, 400, 'a code, a delay'],
    ['POST', '/faults', { verb: 'rcpt', delay: '6m' }, 400, 'delay'],
    ['POST', '/idle', { timeout: '6m' }, 400, 'timeout'],
    ['GET', '/messages/nothing/attachments/0', undefined, 404, 'no message'],
    ['POST', '/wait', { timeout: 'soon' }, 400, 'timeout'],
    ['POST', '/wait', { timeout: '6m' }, 400, '5 minutes at most'],
    ['POST', '/wait', { nonsense: 1 }, 400, 'nonsense'],
    ['POST', '/send', { from: 'nobody', to: 'a@b.test' }, 400, 'nobody'],
    ['POST', '/clock/advance', {}, 400, 'by'],
    ['GET', '/messages?limit=0', undefined, 400, 'limit'],
    ['GET', '/messages?order=size', undefined, 400, 'order'],
    ['GET', '/messages/nothing', undefined, 404, 'no message'],
    ['GET', '/nothing', undefined, 404, '/openapi.json'],
    ['DELETE', '/clock', undefined, 405, 'GET'],
  ])('says what is wrong with %s %s %j', async (method, path, body, status, problem) => {
    await using posthorn = await serveProcess()
    const answer = await posthorn.api(method, path, body)
    expect(answer.status).toBe(status)
    expect(answer.json.error).toContain(problem)
  })

  it('does not suffer from a body that is no JSON, or too long', async () => {
    await using posthorn = await serveProcess()
    const url = `http://127.0.0.1:${posthorn.http}/api/v1/send`
    const headers = { 'content-type': 'application/json' }
    expect((await fetch(url, { method: 'POST', headers, body: '{' })).status).toBe(400)
    const long = fetch(url, { method: 'POST', headers, body: 'x'.repeat(33 * 1024 * 1024) })
    expect(await long.then(response => response.status).catch(() => 413)).toBe(413)
    expect((await posthorn.api('GET', '/clock')).status).toBe(200)
  })
})
