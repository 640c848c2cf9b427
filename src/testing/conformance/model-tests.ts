import { MailboxModel } from './mailbox-model.js'
import { QueueModel } from './queue-model.js'
import { mailboxOf } from './sample-batch.js'
import { SeededRandom } from './seeded-random.js'
import type { StorageTest } from './storage-conformance.js'

const seeds = [1, 20_260_101, 4_294_967_295]
const steps = 250

/** Long random sequences, against the simplest thing that could be right. */
export function modelTests(test: StorageTest): void {
  for (const seed of seeds) {
    test(`a mailbox, seed ${seed}`, async storage => {
      const { id } = await mailboxOf(storage, 'ann')
      const model = new MailboxModel(storage, new SeededRandom(seed), id)
      for (let step = 1; step <= steps; step++) {
        await model.step()
        if (step % 10 === 0) await model.compare()
      }
    })

    test(`the queue, seed ${seed}`, async storage => {
      const model = new QueueModel(storage, new SeededRandom(seed))
      for (let step = 1; step <= steps; step++) {
        await model.step()
        await model.compare()
      }
    })
  }
}
