#!/usr/bin/env node
import { runProcess } from './run-process.js'

// Listened for from the beginning: whoever reads that it listens may end it at once.
const stopped = new Promise<void>(resolve => {
  process.once('SIGINT', resolve)
  process.once('SIGTERM', resolve)
})
process.exitCode = await runProcess(process.argv.slice(2), {
  out: text => process.stdout.write(text),
  err: text => process.stderr.write(text),
  untilStopped: () => stopped,
})
