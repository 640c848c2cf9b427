import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, waitForPort } from './wait-for-port.js'

/** Installs Haraka in a folder, from where any number of them can be started. */
export function installHaraka(folder: string): void {
  mkdirSync(folder, { recursive: true })
  if (existsSync(join(folder, 'node_modules'))) return
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', 'Haraka@3']
  execFileSync('npm', install, { cwd: folder, stdio: 'ignore', timeout: 180_000 })
}

/** What is particular to one Haraka. */
export interface HarakaSetup {
  /** Where {@link installHaraka} put it. */
  readonly installed: string
  /** Of its own. */
  readonly folder: string
  /** The source of its one plugin. */
  readonly plugin: string
  /** Further files of configuration, by name. */
  readonly config?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
}

/** Starts a Haraka in one process. */
export async function startHarakaProcess(setup: HarakaSetup): Promise<{ port: number; child: ChildProcess }> {
  const { installed, folder, plugin } = setup
  const port = await freePort()
  for (const part of ['config', 'plugins', 'queue']) mkdirSync(join(folder, part), { recursive: true })
  symlinkSync(join(installed, 'node_modules'), join(folder, 'node_modules'))
  cpSync(join(folder, 'node_modules/Haraka/config'), join(folder, 'config'), { recursive: true })
  const config = {
    'smtp.ini': `listen=127.0.0.1:${port}\nnodes=0\n`,
    plugins: 'benchmark\n',
    'log.ini': '[main]\nlevel=ERROR\n',
    me: 'mx.example.test\n',
    loglevel: 'ERROR\n',
    ...setup.config,
  }
  for (const [file, text] of Object.entries(config)) writeFileSync(join(folder, 'config', file), text)
  writeFileSync(join(folder, 'plugins', 'benchmark.js'), plugin)
  const child = spawn(process.execPath, ['node_modules/Haraka/bin/haraka', '-c', folder], {
    cwd: folder,
    env: { ...process.env, ...setup.env },
    stdio: 'ignore',
  })
  await waitForPort(port)
  return { port, child }
}
