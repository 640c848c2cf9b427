import { parentPort, workerData } from 'node:worker_threads'
import { GroupCommit } from './group-commit.js'
import { loadSqlite, openWriter } from './open-database.js'
import { encodeError } from './sqlite-error.js'
import type { ThreadAnswer, ThreadRequest, ThreadStart } from './thread-committer.js'

/** The thread that writes: opens the database, commits one group after another. */
async function main({ path, busyTimeout, origin }: ThreadStart): Promise<void> {
  const database = openWriter(await loadSqlite(), { path, busyTimeout })
  const groups = new GroupCommit(database, origin)
  parentPort?.on('message', (request: ThreadRequest) => {
    if (request !== 'close') {
      answer({ result: groups.commit(request.group) })
      return
    }
    database.close()
    answer({ closed: true })
    parentPort?.close()
  })
  answer({ opened: true })
}

function answer(answer: ThreadAnswer): void {
  parentPort?.postMessage(answer)
}

main(workerData).catch(thrown => answer({ failed: encodeError(thrown) }))
