import { parentPort, workerData } from 'node:worker_threads'
import type { CheckpointStart } from './checkpointer.js'
import { loadSqlite, openMaintenance } from './open-database.js'

/** The thread that moves the log into the database, as often as it is told. */
async function main(start: CheckpointStart): Promise<void> {
  const database = openMaintenance(await loadSqlite(), start)
  const checkpoint = database.prepare('PRAGMA wal_checkpoint(PASSIVE)')
  parentPort?.on('message', () => {
    checkpoint.all()
    parentPort?.postMessage('done')
  })
}

void main(workerData)
