import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createTestMail, type TestMail } from '../../src/testing/index.js'
import { send } from '../testing/send.js'
import { describeWith } from '../testing-tools/tools.js'
import { mpopIn } from './mpop.js'
import { runProgram } from './run-program.js'

const bob = 'bob@app.test'
const seeded = 'Subject: seeded\r\nFrom: x@x.test\r\n\r\n.dot\r\n..\r\nend\r\n'

/** A test mail with a message sent to Bob and one put into his mailbox, and its certificate in a file. */
async function withMail() {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-pop3-'))
  const ca = join(folder, 'ca.pem')
  const mail = await createTestMail()
  writeFileSync(ca, mail.tls.ca)
  await send(mail, { to: bob, subject: 'sent' })
  await mail.seed([{ raw: seeded, to: bob }])
  const dispose = async () => {
    await mail.close()
    rmSync(folder, { recursive: true })
  }
  return { mail, ca, [Symbol.asyncDispose]: dispose }
}

async function subjects(mail: TestMail, account = bob) {
  const mailbox = await mail.server.store.mailbox(account)
  return Promise.all((await mailbox.list()).map(async record => (await mailbox.parse(record)).subject))
}

describeWith(['curl'], 'curl reads the mail of a test mail', () => {
  const curl = (ca: string, user: string, url: string, ...args: string[]) =>
    runProgram('curl', [
      ...['--silent', '--show-error', '--ssl-reqd', '--cacert', ca, '--user', user],
      ...[...args, url],
    ])

  it.each(['url', 'secureUrl'] as const)('by pop3.%s, what was sent and what was seeded', async url => {
    await using world = await withMail()
    const { mail, ca } = world
    expect(await curl(ca, `${bob}:any`, `${mail.pop3[url]}/2`)).toEqual({
      code: 0,
      output: seeded,
      problems: '',
    })
    const { output } = await curl(ca, `${bob}:any`, `${mail.pop3[url]}/1`)
    expect(output).toContain('\r\nSubject: sent\r\n')
    const deleted = await curl(ca, `${bob}:any`, `${mail.pop3[url]}/1`, '--request', 'DELE', '--head')
    expect(deleted.code).toBe(0)
    expect(await subjects(mail)).toEqual(['seeded'])
  })

  it('as a tenant, with its password alone', async () => {
    await using world = await withMail()
    const { mail, ca } = world
    const [tenant, other] = [mail.tenant(), mail.tenant()]
    await send(tenant, { to: tenant.address('ann'), text: 'For Ann' })
    const read = (password: string) =>
      curl(ca, `${tenant.address('ann')}:${password}`, `${tenant.pop3.url}/1`)
    expect((await read(tenant.password)).output).toContain('\r\n\r\nFor Ann\r\n')
    // 67: the login was denied.
    for (const wrong of ['any', other.password]) expect((await read(wrong)).code).toBe(67)
  })

  it('not where it trusts another certificate', async () => {
    await using world = await withMail()
    await using another = await withMail()
    // 60: the certificate is not known.
    expect((await curl(another.ca, `${bob}:any`, `${world.mail.pop3.url}/1`)).code).toBe(60)
  })
})

describeWith(['mpop'], 'mpop fetches the mail of a test mail', () => {
  it.each([
    ['over STLS', 'port', 'on'],
    ['over implicit TLS', 'securePort', 'off'],
  ] as const)('%s', async (_how, port, starttls) => {
    await using world = await withMail()
    const { fetch, mail } = await mpopIn({ user: bob, password: 'any', trust: world.ca })
    await fetch('--tls=on', `--tls-starttls=${starttls}`, `--port=${world.mail.pop3[port]}`, '--keep=off')
    expect((await mail()).toSorted()[1]).toBe(seeded.replaceAll('\r\n', '\n'))
    expect(await mail()).toHaveLength(2)
    expect(await subjects(world.mail)).toEqual([])
  })
})
