import { Worker } from 'node:worker_threads'

/** Starts a file beside this one, named without its ending, as a thread. */
export function startThread(name: string, workerData: unknown): Worker {
  const ending = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
  const file = new URL(`./${name}${ending}`, import.meta.url)
  if (ending === '.js') return new Worker(file, { workerData })
  return new Worker(fromSource(file), { eval: true, workerData, execArgv: [] })
}

/** In development the sources run as they are: a thread does not have the loader that this one has. */
function fromSource(file: URL): string {
  return `import('tsx/esm/api').then(tsx => tsx.register()).then(() => import(${JSON.stringify(file.href)}))`
}
