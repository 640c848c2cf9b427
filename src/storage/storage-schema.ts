import { lazy, shapeSchema } from '../core/options.js'
import type { Storage } from './storage.js'

/** Checks that a value can be a storage: its own methods and its parts. */
export const storageSchema = lazy(() =>
  shapeSchema<Storage>('a storage', ['accept', 'subscribe', 'close']).refine(
    storage =>
      [storage.blobs, storage.mail, storage.queue, storage.locks, storage.records].every(
        part => typeof part === 'object',
      ),
    { error: 'expected a storage with the parts blobs, mail, queue, locks and records' },
  ),
)
