#!/usr/bin/env node
import { runProcess } from './run-process.js'

process.exitCode = await runProcess(process.argv.slice(2), {
  out: text => process.stdout.write(text),
  err: text => process.stderr.write(text),
  untilStopped: () =>
    new Promise(resolve => {
      process.once('SIGINT', resolve)
      process.once('SIGTERM', resolve)
    }),
})
