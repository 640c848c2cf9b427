import { describe, expect, it } from 'vitest'
import { sendBy } from './send-by.js'
import { type Json, serveProcess } from './served-process.js'

describe('faults by HTTP', () => {
  it('are met as often as was said', async () => {
    await using posthorn = await serveProcess()
    const fault = {
      verb: 'rcpt',
      address: '@slow',
      times: 2,
      code: 451,
      enhanced: '4.7.1',
      text: 'greylisted',
    }
    const added = await posthorn.api('POST', '/faults', fault)
    expect(added).toMatchObject({ status: 201, json: { ...fault, met: 0 } })
    await expect(sendBy(posthorn.smtp, { to: 'a@slow.test' })).rejects.toThrow('451 4.7.1 greylisted')
    await expect(sendBy(posthorn.smtp, { to: 'a@slow.test' })).rejects.toThrow('451')
    await sendBy(posthorn.smtp, { to: 'a@slow.test' })
    const { json } = await posthorn.api('GET', '/faults')
    expect(json.faults).toMatchObject([{ met: 2 }])
    expect(await posthorn.api('DELETE', `/faults/${json.faults[0].id}`)).toMatchObject({ status: 204 })
    expect((await posthorn.api('DELETE', '/faults/nothing')).status).toBe(404)
  })

  it('concern senders and whole messages, too', async () => {
    await using posthorn = await serveProcess()
    await posthorn.api('POST', '/faults', { verb: 'mail', address: 'app@', times: 1, code: 550 })
    await expect(sendBy(posthorn.smtp, { to: 'a@b.test' })).rejects.toThrow('550')
    await posthorn.api('POST', '/faults', { verb: 'message', times: 1, code: 554 })
    await expect(sendBy(posthorn.smtp, { to: 'a@b.test' })).rejects.toThrow('554')
    await posthorn.api('POST', '/faults', { verb: 'message', code: 554 })
    await posthorn.api('DELETE', '/faults')
    await sendBy(posthorn.smtp, { to: 'a@b.test' })
  })
})

describe('faults that end connections', () => {
  it.each(['mail', 'rcpt', 'message'])('cut them at %s', async verb => {
    await using posthorn = await serveProcess()
    const added = await posthorn.api('POST', '/faults', { verb, times: 1, drop: true })
    expect(added).toMatchObject({ status: 201, json: { verb, drop: true } })
    await expect(sendBy(posthorn.smtp, { to: 'a@b.test' })).rejects.toThrow('Connection closed')
    expect((await posthorn.api('GET', '/messages')).json.messages).toEqual([])
    await sendBy(posthorn.smtp, { to: 'a@b.test' })
  })

  it('cut them late, and say 421 before', async () => {
    await using posthorn = await serveProcess()
    await posthorn.api('POST', '/faults', { verb: 'rcpt', times: 1, drop: true, delay: '1m' })
    const sending = expect(sendBy(posthorn.smtp, { to: 'a@b.test' })).rejects.toThrow('Connection closed')
    await expect.poll(async () => (await posthorn.api('GET', '/faults')).json.faults[0].met).toBe(1)
    await posthorn.api('POST', '/clock/advance', { by: '1m' })
    await sending
    await posthorn.api('POST', '/faults', { verb: 'rcpt', times: 1, code: 421 })
    await expect(sendBy(posthorn.smtp, { to: 'a@b.test' })).rejects.toThrow('421')
  })

  it('are not refusals, too', async () => {
    await using posthorn = await serveProcess()
    const { status, json } = await posthorn.api('POST', '/faults', { verb: 'rcpt', drop: true, code: 451 })
    expect(status).toBe(400)
    expect(json.error).toContain('no code beside')
    expect((await posthorn.api('POST', '/faults', { verb: 'rcpt', drop: false })).status).toBe(400)
  })
})

describe('faults that take their time', () => {
  it('answer late, by the clock of the server, and let pass what has no code', async () => {
    await using posthorn = await serveProcess()
    await posthorn.api('POST', '/faults', { verb: 'rcpt', times: 1, delay: '2m' })
    await posthorn.api('POST', '/faults', { verb: 'message', times: 1, delay: '3m', code: 451 })
    const sending = sendBy(posthorn.smtp, { to: 'a@b.test' })
    const refused = expect(sending).rejects.toThrow('451')
    const met = async () => (await posthorn.api('GET', '/faults')).json.faults.map((each: Json) => each.met)
    await expect.poll(met).toEqual([1, 0])
    await posthorn.api('POST', '/clock/advance', { by: '2m' })
    await expect.poll(met).toEqual([1, 1])
    await posthorn.api('POST', '/clock/advance', { by: '3m' })
    await refused
    await sendBy(posthorn.smtp, { to: 'a@b.test' })
  })

  it('end with the process', async () => {
    const posthorn = await serveProcess()
    await posthorn.api('POST', '/faults', { verb: 'mail', delay: '5m' })
    const sending = expect(sendBy(posthorn.smtp, { to: 'a@b.test' })).rejects.toThrow()
    const { api } = posthorn
    await expect.poll(async () => (await api('GET', '/faults')).json.faults[0].met).toBe(1)
    expect(await posthorn.stop()).toBe(0)
    await sending
  })
})
