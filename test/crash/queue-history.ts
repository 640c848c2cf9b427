import { type EndedRecipient, findEnded, historySpaces } from '../../src/queue/operation/ended-recipients.js'
import { storedSuppressionList } from '../../src/queue/operation/stored-suppression-list.js'
import type { Storage } from '../../src/storage/storage.js'
import { keyOf } from './letter.js'

/** By when nothing in it has expired. */
const always = 0
const limit = 1_000_000

/**
 * What the queue remembers of recipients that left it: of letters by {@link keyOf}, as they carry their id as ENVID.
 * Throws where its records contradict each other, or what is queued.
 */
export async function readHistory(storage: Storage): Promise<ReadonlyMap<string, EndedRecipient>> {
  const ended = await findEnded(storage, { limit }, always)
  await compareLookUps(storage, ended)
  await compareSuppressions(storage, ended)
  const queued = new Set((await storage.queue.list({ limit })).map(({ id }) => id))
  const letters = new Map<string, EndedRecipient>()
  for (const one of ended) {
    if (queued.has(one.id)) throw new Error(`${one.id} has ended as ${one.end}, and is queued`)
    // Bounces have none.
    if (one.envelope.envid === undefined) continue
    const key = keyOf(one.envelope.envid, one.recipient.address)
    if (letters.has(key)) throw new Error(`${key} has ended twice`)
    letters.set(key, one)
  }
  return letters
}

async function compareLookUps(storage: Storage, ended: readonly EndedRecipient[]): Promise<void> {
  const wanted = new Set(ended.map(({ id }) => id))
  for (const space of [historySpaces.byTrace, historySpaces.byRecipient]) {
    const found = await storage.records.list(space, { limit })
    compare(
      space,
      wanted,
      found.map(({ value }) => value),
    )
  }
}

/** An address is on the list exactly when a server said that it does not exist. */
async function compareSuppressions(storage: Storage, ended: readonly EndedRecipient[]): Promise<void> {
  const refused = ended.filter(({ history }) => history.at(-1)?.reply?.enhanced === '5.1.1')
  const found = await storedSuppressionList({ storage }).list({ limit })
  compare(
    'the suppression list',
    new Set(refused.map(({ recipient }) => recipient.address)),
    found.map(({ address }) => address),
  )
}

function compare(what: string, wanted: ReadonlySet<string>, found: readonly string[]): void {
  const strays = found.filter(name => !wanted.has(name))
  if (found.length !== wanted.size || strays.length > 0)
    throw new Error(`${what} has ${found.length} instead of ${wanted.size}, and strays: ${strays.join()}`)
}
