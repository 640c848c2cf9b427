import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

/** The program of {@link MailChild}. */
export interface CompiledMailProcess {
  readonly file: string
  remove(): void
}

/** Compiles it once, with the files of its threads beside it: loaded as it stands, it takes eight times as long to begin. */
export function compileMailProcess(): CompiledMailProcess {
  const here = fileURLToPath(new URL('.', import.meta.url))
  const threads = join(here, '../../src/storage/sqlite')
  // Beside the sources, from where packages are found.
  const outdir = mkdtempSync(join(here, 'compiled-'))
  buildSync({
    entryPoints: [
      join(here, 'mail-process.ts'),
      join(threads, 'writer-thread.ts'),
      join(threads, 'checkpoint-thread.ts'),
      join(threads, 'maintenance-thread.ts'),
    ],
    entryNames: '[name]',
    outdir,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  })
  return { file: join(outdir, 'mail-process.js'), remove: () => rmSync(outdir, { recursive: true }) }
}
