import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { serveProcess } from './served-process.js'

const freePorts = ['smtp', 'smtps', 'pop3', 'pop3s', 'http'].flatMap(service => [`--${service}`, '0'])

function start(...args: string[]) {
  return spawn(process.execPath, ['--import', 'tsx', 'src/testing/process/main.ts', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function run(...args: string[]) {
  const child = start(...args)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { out, err, code }
}

describe('npx posthorn', () => {
  it('explains itself', async () => {
    const { out, err, code } = await run('--help')
    expect({ err, code }).toEqual({ err: '', code: 0 })
    expect(out).toContain('Usage: npx posthorn [options]')
    const version = await run('--version')
    expect(version.out).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('ends with 2 for what it does not understand', async () => {
    const { out, err, code } = await run('--smtp', 'x')
    expect({ out, code }).toEqual({ out: '', code: 2 })
    expect(err).toBe('posthorn: --smtp: expected a port from 0 to 65535, got "x"\nSee posthorn --help.\n')
  })

  it('ends with 1 where a port is in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as { port: number }
    const { err, code } = await run(...freePorts, '--http', String(port))
    holder.close()
    expect(code).toBe(1)
    expect(err).toContain(`port ${port}`)
  })

  it.each(['SIGTERM', 'SIGINT'] as const)('says where it listens, and ends with 0 at %s', async signal => {
    const child = start(...freePorts)
    let out = ''
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      out += chunk
      if (out.includes('openapi.json') && !child.killed) child.kill(signal)
    }
    const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode]
    expect(code).toBe(0)
    expect(out).toMatch(/SMTP {2}smtp:\/\/127\.0\.0\.1:\d+ {3}smtps:/)
    expect(out).toMatch(/HTTP {2}http:\/\/127\.0\.0\.1:\d+/)
  })
})

const outside = Object.values(networkInterfaces())
  .flat()
  .find(address => address?.family === 'IPv4' && !address.internal)?.address

describe('its listeners', () => {
  it.skipIf(outside === undefined)('are reached from this machine alone', async () => {
    await using posthorn = await serveProcess()
    for (const port of [posthorn.smtp, posthorn.smtps, posthorn.pop3, posthorn.http]) {
      const [here, there] = ['127.0.0.1', outside].map(host => connect({ host: host ?? '', port }))
      await once(here as never, 'connect')
      here?.destroy()
      await expect(once(there as never, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    }
  })
})

describe('its log', () => {
  it('is JSON where asked for', async () => {
    await using posthorn = await serveProcess('--domain', 'app.test')
    const message = { from: 'a@app.test', to: 'nobody@elsewhere.test', text: 'x' }
    await posthorn.api('POST', '/send', message)
    await posthorn.api('POST', '/wait', { match: { to: 'a@app.test' } })
    const events = posthorn.lines.map(line => JSON.parse(line).event)
    expect(events).toEqual(expect.arrayContaining(['listening', 'recipient:failed', 'dsn:sent']))
  })
})
