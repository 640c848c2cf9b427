import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { describeSqlite } from '../storage/sqlite/describe-sqlite.js'

const examples = readdirSync('examples').filter(name => existsSync(`examples/${name}/main.ts`))
const withSqlite = examples.filter(name =>
  readFileSync(`examples/${name}/main.ts`, 'utf8').includes("'posthorn/sqlite'"),
)

/** Runs a program with tsx, which finds `posthorn` in `src/` by the paths of tsconfig.json. */
async function run(...args: string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [output, problems, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  return { output, problems: withoutSqliteWarning(problems), code }
}

/** Node 22 warns of its own SQLite, once a thread; what an example does is not to blame. */
function withoutSqliteWarning(problems: string): string {
  return problems.replace(
    /^\(node:\d+\) ExperimentalWarning: SQLite is .*\n\(Use `node --trace-warnings.*\n/gm,
    '',
  )
}

async function runsToItsEnd(example: string): Promise<void> {
  const { output, problems, code } = await run(`examples/${example}/main.ts`)
  expect({ problems, code }).toEqual({ problems: '', code: 0 })
  expect(output).not.toBe('')
}

describe('examples', () => {
  it.each(examples.filter(name => !withSqlite.includes(name)))('%s runs to its end', runsToItsEnd)

  it('the journey shows the SMTP dialogue on request', async () => {
    const { output, code } = await run('examples/a-letters-journey/main.ts', '--dialogue')
    expect(code).toBe(0)
    expect(output).toMatch(/mx\.paris\.test → MAIL FROM:<alice@paris\.test>/)
    expect(output).toMatch(/mx\.paris\.test ← 250 2\.0\.0/)
  })
})

describeSqlite('examples with SQLite', {}, () => {
  it.each(withSqlite)('%s runs to its end', runsToItsEnd)
})
