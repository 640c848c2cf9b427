import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
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

const minutes = 60_000

describe('the examples for test runners', { timeout: 2 * minutes }, () => {
  it('node:test', () =>
    expectToPass(
      ['--import', 'tsx', '--test', '--test-reporter=tap', 'examples/with-node-test/mail.test.ts'],
      /# pass 2\n/,
    ))

  it('Mocha', () =>
    expectToPass(
      ['--import', 'tsx', 'node_modules/mocha/bin/mocha.js', 'examples/with-mocha/mail.spec.mjs'],
      /1 passing/,
    ))

  describe('with the package as it is built', () => {
    beforeAll(async () => {
      await promisify(execFile)(process.execPath, [
        'node_modules/typescript/bin/tsc',
        '-p',
        'tsconfig.build.json',
      ])
    }, 5 * minutes)

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
        /Tests: +1 passed/,
      ))
  })
})

describeWith(['chromium'], 'the example for Playwright Test', () => {
  it('Playwright Test', { timeout: 2 * minutes }, () =>
    expectToPass(
      ['node_modules/@playwright/test/cli.js', 'test', '-c', 'examples/with-playwright'],
      /1 passed/,
    ),
  )
})
