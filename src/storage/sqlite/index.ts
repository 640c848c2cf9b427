export type { SqliteStorageOptions } from './options.js'
export { type SqliteStorage, sqliteStorage } from './sqlite-storage.js'
export type { SqliteStats } from './storage-stats.js'
