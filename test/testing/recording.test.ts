import { createTransport } from 'nodemailer'
import { describe, expect, it } from 'vitest'
import { createTestMail } from '../../src/testing/index.js'

describe('the transcript of a session', () => {
  it('has what was said, and neither credentials nor the message', async () => {
    await using mail = await createTestMail()
    for (const method of ['PLAIN', 'LOGIN']) {
      const transport = createTransport({ ...mail.smtp.settings, authMethod: method })
      await transport.sendMail({ from: 'a@app.test', to: 'b@app.test', text: 'the body' })
      transport.close()
    }
    const lines = mail.sessions.flatMap(({ transcript }) => transcript.map(({ text }) => text))
    expect(lines).toContain('AUTH PLAIN [credentials]')
    expect(lines.filter(line => line === '[credentials]')).toHaveLength(2)
    expect(lines.filter(line => line === 'DATA')).toHaveLength(2)
    const all = lines.join('\n')
    expect(all).not.toContain('the body')
    expect(all).not.toContain(Buffer.from('\0test\0test').toString('base64'))
    expect(all).not.toContain(Buffer.from('test').toString('base64'))
  })
})
