export { exportMaildir } from './maildir/export-maildir.js'
export { importMaildir } from './maildir/import-maildir.js'
export { exportMbox } from './mbox/export-mbox.js'
export { importMbox } from './mbox/import-mbox.js'
export type {
  ExportMaildirOptions,
  ExportMboxOptions,
  ExportOptions,
  ImportMaildirOptions,
  ImportMboxOptions,
  ImportOptions,
  TransferOptions,
} from './options.js'
export type { TransferProblem, TransferProgress, TransferReport } from './transfer.js'
