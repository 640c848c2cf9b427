/**
 * The second half of `npm run build`: joins the modules that `tsc` wrote to `dist/` into a few, because loading hundreds
 * takes longer than all that a first message needs. Published entries, and the files that threads start with, stay where
 * they are; what they share goes to `dist/chunks/`, once. Declarations stay as they are.
 *
 * zod goes in too, as much of it as is used, as loading all of it takes half as long as loading all of ours; and
 * eventemitter3, which is small. Other packages are found where they are installed.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type BuildResult, build, type OutputFile, type Plugin } from 'esbuild'

const dist = 'dist'

/** The packages that are joined with ours. */
const inside = ['zod', 'eventemitter3']

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
  readonly bin: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

/** `{ z }` is an object with all of zod on it, languages included; of `* as z` what nobody uses is left out. */
const zodByName: Plugin = {
  name: 'zod by name',
  setup: ({ onLoad }) =>
    onLoad({ filter: /[/\\]dist[/\\].*\.js$/ }, ({ path }) => {
      if (path.includes('node_modules')) return undefined
      const contents = readFileSync(path, 'utf8').replace(
        "import { z } from 'zod'",
        "import * as z from 'zod'",
      )
      return { contents, loader: 'js' }
    }),
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).map(name => join(dist, name))
const joined = await joinModules(publishedEntries(manifest), true)
// A thread shares no objects with the others, and is one file of its own.
const threads = await joinModules(files.filter(isThread), false)
for (const file of files) if (/\.js(?:\.map)?$/.test(file)) rmSync(file)
for (const file of [...joined.outputFiles, ...threads.outputFiles]) put(file)
// Their licences want to go where their code goes.
for (const name of inside)
  copyFileSync(`node_modules/${name}/LICENSE`, join(dist, 'chunks', `${name}.LICENSE`))

// That each finds its parts shows by loading it; a program would start.
for (const path of publishedEntries({ ...manifest, bin: {} })) await import(resolve(path))

/** The modules of `exports` and `bin`. */
function publishedEntries({ exports, bin }: Manifest): string[] {
  const targets = Object.values(exports).map(each => (typeof each === 'string' ? each : each.default))
  return [...targets, ...Object.values(bin)].filter(path => path.endsWith('.js'))
}

/** What `storage/sqlite/start-thread.ts` starts. */
function isThread(file: string): boolean {
  return /[/\\](?:writer|checkpoint|maintenance)-thread\.js$/.test(file)
}

function joinModules(entryPoints: string[], splitting: boolean): Promise<BuildResult<{ write: false }>> {
  const packages = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
  const others = packages.filter(name => !inside.includes(name))
  return build({
    entryPoints,
    outbase: dist,
    outdir: dist,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    external: others.flatMap(name => [name, `${name}/*`]),
    plugins: [zodByName],
    write: false,
    logLevel: 'warning',
  })
}

function put({ path, text }: OutputFile): void {
  // A file that is named by its place beside another must not be looked for beside a chunk.
  if (/[/\\]chunks[/\\].*\.js$/.test(path) && /new URL\([^()]*import\.meta\.url/.test(text)) {
    throw new Error(`${path} looks for files beside it`)
  }
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, /\.js$/.test(path) ? inLatin1(text) : text)
}

/**
 * The same code without characters beyond Latin-1, which are left in comments and regular expressions: with a single one
 * of them a text takes two octets a character in memory, for as long as the process lives.
 */
function inLatin1(code: string): string {
  return code.replace(/[^\0-\xff]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
