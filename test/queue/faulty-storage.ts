import type { QueueStorage } from '../../src/storage/queue-storage.js'
import type { Storage } from '../../src/storage/storage.js'

/** Replaces a method of the queue storage; is given the real one. */
export type Faults = {
  [Method in keyof QueueStorage]?: (
    real: QueueStorage[Method],
    ...args: Parameters<QueueStorage[Method]>
  ) => ReturnType<QueueStorage[Method]>
}

/** A storage whose queue and blobs fail as they are told to; `faults` may be changed at any time. */
export function faultyStorage(storage: Storage) {
  const faults: Faults = {}
  const blobFaults: {
    open?: (real: Storage['blobs']['open'], id: string) => ReturnType<Storage['blobs']['open']>
  } = {}
  const queue = new Proxy(storage.queue, {
    get(target, name) {
      const real = Reflect.get(target, name).bind(target)
      const fault = faults[name as keyof QueueStorage] as ((...args: unknown[]) => unknown) | undefined
      return fault ? (...args: unknown[]) => fault(real, ...args) : real
    },
  })
  const blobs: Storage['blobs'] = {
    write: source => storage.blobs.write(source),
    open: (id, prefix) => {
      const real: Storage['blobs']['open'] = (id, prefix) => storage.blobs.open(id, prefix)
      return blobFaults.open ? blobFaults.open(real, id) : real(id, prefix)
    },
  }
  const faulty: Storage = {
    queue,
    blobs,
    mail: storage.mail,
    locks: storage.locks,
    records: storage.records,
    accept: batch => storage.accept(batch),
    subscribe: listener => storage.subscribe(listener),
    close: () => storage.close(),
    [Symbol.asyncDispose]: () => storage.close(),
  }
  return { storage: faulty, faults, blobFaults }
}
