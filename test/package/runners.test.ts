import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { createTransport } from 'nodemailer'
import { beforeAll, describe, expect, it } from 'vitest'
import { describeWith } from '../testing-tools/tools.js'

/** Runs a program of the package's own Node, and gives all that it says. */
async function run(args: readonly string[]) {
  // What this runner says about itself to its children is not for others.
  const { VITEST: _, NODE_OPTIONS: __, ...env } = process.env
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  const [output, problems, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  return { all: output + problems, code }
}

async function expectToPass(args: readonly string[], passed: RegExp) {
  const { all, code } = await run(args)
  expect({ code, said: code === 0 ? '' : all }).toEqual({ code: 0, said: '' })
  expect(all.replace(/\u001b\[\d+m/g, '')).toMatch(passed)
}

/** Runs an example changed so that its test fails, and gives what it prints. */
async function runFailing(example: string, file: string, args: (folder: string) => readonly string[]) {
  const folder = await mkdtemp('examples/failing-')
  try {
    await cp(`examples/${example}`, folder, { recursive: true })
    const spec = join(folder, file)
    const good = await readFile(spec, 'utf8')
    const bad = good.replaceAll(/482913'\]|with 482913'|codes\[0\]\)\.toBe\('482913'/g, wanted =>
      wanted.replace('482913', '000000'),
    )
    expect(bad).not.toBe(good)
    await writeFile(spec, bad)
    return await run(args(folder))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** What a report has of the one message: its way in, and what became of it. */
const trace =
  /#\d+ from <hello@shop\.test> to alice@customer\.test: "Welcome"\s+\S+Z {2}arrived from 127\.0\.0\.1, .*\s+\S+Z {2}accepted, \d+ octets: 1 copies here, 0 to deliver/

async function expectTrace(...example: Parameters<typeof runFailing>) {
  const { all, code } = await runFailing(...example)
  expect(code).not.toBe(0)
  // Reporters may begin each line with a sign of their own.
  expect(all.replace(/\u001b\[\d+m/g, '').replace(/^# /gm, '')).toMatch(trace)
}

const minutes = 60_000

describe('the examples for test runners', { timeout: 2 * minutes }, () => {
  it('node:test', () =>
    expectToPass(
      ['--import', 'tsx', '--test', '--test-reporter=tap', 'examples/with-node-test/mail.test.ts'],
      /# pass 2\n/,
    ))

  it('node:test prints what happened to the mail of a test that fails', () =>
    expectTrace('with-node-test', 'mail.test.ts', folder => [
      ...['--import', 'tsx', '--test', '--test-reporter=tap'],
      `${folder}/mail.test.ts`,
    ]))

  it('Mocha prints it, too', () =>
    expectTrace('with-mocha', 'mail.spec.mjs', folder => [
      ...['--import', 'tsx', 'node_modules/mocha/bin/mocha.js'],
      `${folder}/mail.spec.mjs`,
    ]))

  it('Mocha', () =>
    expectToPass(
      ['--import', 'tsx', 'node_modules/mocha/bin/mocha.js', 'examples/with-mocha/mail.spec.mjs'],
      /1 passing/,
    ))

  describe('with the package as it is built', () => {
    beforeAll(async () => {
      await promisify(execFile)('npm', ['run', 'build', '--silent'])
    }, 5 * minutes)

    it('npx posthorn', async () => {
      const main = 'dist/testing/process/main.js'
      expect(await readFile(main, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
      const { version } = JSON.parse(await readFile('package.json', 'utf8'))
      expect(await run([main, '--version'])).toEqual({ all: `${version}\n`, code: 0 })
      const ports = ['smtp', 'smtps', 'pop3', 'pop3s', 'http'].flatMap(name => [`--${name}`, '0'])
      const child = spawn(process.execPath, [main, '--json', ...ports], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [line] = await once(createInterface(child.stdout), 'line')
      const { smtp, http } = JSON.parse(line)
      const client = createTransport({ host: '127.0.0.1', port: smtp, tls: { rejectUnauthorized: false } })
      await client.sendMail({ from: 'a@x.test', to: 'b@x.test', subject: 'Built', text: 'x' })
      client.close()
      const { messages } = (await (await fetch(`http://127.0.0.1:${http}/api/v1/messages`)).json()) as {
        messages: unknown
      }
      expect(messages).toMatchObject([{ subject: 'Built', recipients: ['b@x.test'] }])
      child.kill('SIGTERM')
      expect(await once(child, 'exit')).toEqual([0, null])
    })

    it('Vitest', () =>
      expectToPass(
        ['node_modules/vitest/vitest.mjs', 'run', '--root', 'examples/with-vitest'],
        /Tests +1 passed/,
      ))

    it('Jest', () =>
      expectToPass(
        [
          '--experimental-vm-modules',
          'node_modules/jest/bin/jest.js',
          '-c',
          'examples/with-jest/jest.config.json',
        ],
        /Tests: +3 passed/,
      ))

    it("node:test, with the suite for drivers of one's own", () =>
      expectToPass(
        ['--test', '--test-reporter=tap', 'test/package/conformance-with-node-test.mjs'],
        /# pass [12]\d\d\n# fail 0\n/,
      ))

    it('Vitest prints what happened to the mail of a test that fails', () =>
      expectTrace('with-vitest', 'mail.test.ts', folder => [
        ...['node_modules/vitest/vitest.mjs', 'run', '--root', folder],
      ]))

    it('Jest prints it, too', () =>
      expectTrace('with-jest', 'mail.test.mjs', folder => [
        ...['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '-c', `${folder}/jest.config.json`],
      ]))
  })
})

describeWith(['chromium'], 'the example for Playwright Test', () => {
  it('Playwright Test', { timeout: 2 * minutes }, () =>
    expectToPass(
      ['node_modules/@playwright/test/cli.js', 'test', '-c', 'examples/with-playwright'],
      /1 passed/,
    ),
  )

  it('prints what happened to the mail of a test that fails', { timeout: 2 * minutes }, () =>
    expectTrace('with-playwright', 'sign-up.spec.ts', folder => [
      ...['node_modules/@playwright/test/cli.js', 'test', '-c', folder],
    ]),
  )
})
