import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { Checkpointer } from './checkpointer.js'
import { GroupCommit, type GroupResult, mostOfGroup } from './group-commit.js'
import { loadSqlite, openWriter } from './open-database.js'
import { encodeError } from './sqlite-error.js'
import type { ThreadAnswer, ThreadRequest, ThreadStart } from './thread-committer.js'
import type { CommandGroup } from './writer.js'

/**
 * The thread that writes: opens the database and makes one transaction after another, each of all that has come by then.
 * To be handed them one by one would cost the time from one answer to the next request, in which the disk is idle.
 */
async function main({ path, busyTimeout }: ThreadStart): Promise<void> {
  const database = openWriter(await loadSqlite(), { path, busyTimeout })
  const groups = new GroupCommit(database)
  const checkpointer = new Checkpointer(database, { path, busyTimeout })
  const commit = (first: CommandGroup) => {
    const requests = [first, ...waitingRequests(first)]
    answer({ results: divide(requests, groups.commit(requests.flatMap(({ commands }) => commands))) })
    checkpointer.committed(requests.reduce((sum, { bytes }) => sum + bytes, 0))
  }
  const close = async () => {
    await checkpointer.close()
    database.close()
    answer({ closed: true })
    parentPort?.close()
  }
  parentPort?.on('message', (request: ThreadRequest) => {
    if (request === 'close') void close()
    else commit(request)
  })
  answer({ opened: true })
}

/** What came behind `first` and shares its transaction. Nothing is asked to be closed before it was answered. */
function waitingRequests(first: CommandGroup): CommandGroup[] {
  const more: CommandGroup[] = []
  let commands = first.commands.length
  let { bytes } = first
  while (parentPort && commands < mostOfGroup.commands && bytes < mostOfGroup.bytes) {
    const next = receiveMessageOnPort(parentPort)?.message as CommandGroup | undefined
    if (!next) break
    more.push(next)
    commands += next.commands.length
    bytes += next.bytes
  }
  return more
}

/** Gives each request its outcomes, and the last one the changes, to be told when everybody was answered. */
function divide(requests: readonly CommandGroup[], { outcomes, changes, last }: GroupResult): GroupResult[] {
  let at = 0
  return requests.map(({ commands }, index) => {
    const from = at
    at += commands.length
    return { outcomes: outcomes.slice(from, at), changes: index === requests.length - 1 ? changes : [], last }
  })
}

function answer(answer: ThreadAnswer): void {
  parentPort?.postMessage(answer)
}

main(workerData).catch(thrown => answer({ failed: encodeError(thrown) }))
