import { execFileSync, spawnSync } from 'node:child_process'
import { cpus } from 'node:os'

const first = '0'
const all = `0-${cpus().length - 1}`

/** Lets this process and one with its children share one processor while work goes on. */
export async function onOneProcessor<T>(pid: number, work: () => Promise<T>): Promise<T> {
  allow(pid, first)
  try {
    return await work()
  } finally {
    allow(pid, all)
  }
}

function allow(pid: number, processors: string): void {
  const children = spawnSync('pgrep', ['-P', `${pid}`], { encoding: 'utf8' }).stdout.split('\n')
  for (const one of [process.pid, pid, ...children.filter(Boolean)]) {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', processors, `${one}`], { stdio: 'ignore' })
  }
}
