import { parentPort, workerData } from 'node:worker_threads'
import { doJob, type MaintenanceAnswer, type MaintenanceStart } from './maintenance.js'
import { loadSqlite, openMaintenance } from './open-database.js'
import { encodeError } from './sqlite-error.js'

/** The thread of one job: check, backup, or moving the log into the database. */
async function main({ job, ...options }: MaintenanceStart): Promise<void> {
  const database = openMaintenance(await loadSqlite(), options)
  try {
    answer({ problems: doJob(database, job, options.busyTimeout) })
  } finally {
    database.close()
  }
}

function answer(answer: MaintenanceAnswer): void {
  parentPort?.postMessage(answer)
}

main(workerData).catch(thrown => answer({ failed: encodeError(thrown) }))
