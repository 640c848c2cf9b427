import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { pathWithSbin } from '../testing-tools/tools.js'

/** Runs a foreign program to its end, with some input. */
export async function runProgram(command: string, args: readonly string[], input = '', environment = {}) {
  const child = spawn(command, args, { env: { ...pathWithSbin(), ...environment } })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [output, problems, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  return { code: code as number, output, problems }
}
