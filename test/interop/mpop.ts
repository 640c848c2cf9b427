import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'

const run = promisify(execFile)

/** mpop, which pipelines, fetching into a Maildir of its own, as a user who trusts a certificate in a file. */
export async function mpopIn({ user, password, trust }: Record<'user' | 'password' | 'trust', string>) {
  const directory = await mkdtemp(join(tmpdir(), 'posthorn-mpop-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  for (const name of ['cur', 'new', 'tmp']) await mkdir(join(directory, 'mail', name), { recursive: true })
  const fetch = (...options: string[]) =>
    run('mpop', [
      '--host=localhost',
      `--user=${user}`,
      `--passwordeval=echo ${password}`,
      `--delivery=maildir,${join(directory, 'mail')}`,
      `--uidls-file=${join(directory, 'uidls')}`,
      `--tls-trust-file=${trust}`,
      '--timeout=10',
      '--received-header=off',
      '--pipelining=on',
      ...options,
    ])
  const mail = async () => {
    const folder = join(directory, 'mail', 'new')
    const files = await readdir(folder)
    return Promise.all(files.map(file => readFile(join(folder, file), 'latin1')))
  }
  return { fetch, mail }
}
