import { expect, it } from 'vitest'
import { bytesOf, patternBytes } from '../../../src/testing/conformance/sample-batch.js'
import { describeSqlite } from './describe-sqlite.js'
import { gatedStorage } from './faulty-database.js'
import { temporaryFile } from './temporary-file.js'

const bytes = patternBytes(10_000_000)
/** Octets of a piece, as the format of the file has it. */
const piece = 262_144

async function* inSteps(step: number) {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step)
}

/** A blob of 39 pieces, and how many of them were read. */
async function openBlob() {
  const reads = { pieces: 0 }
  const storage = gatedStorage(temporaryFile(), sql => {
    if (/^SELECT data FROM chunks/.test(sql)) reads.pieces++
  })
  const { id } = await storage.blobs.write(inSteps(100_000))
  const source = await storage.blobs.open(id)
  reads.pieces = 0
  return { storage, source, reads }
}

describeSqlite('a range of a long blob in SQLite', {}, () => {
  it.each([
    [0, 1, 1],
    [0, piece, 1],
    [piece - 1, piece, 1],
    [piece, piece + 1, 1],
    [piece - 1, piece + 1, 2],
    [piece - 1, 2 * piece + 1, 3],
    [5 * piece + 7, 5 * piece + 7_000, 1],
    [9_999_999, 99_999_999, 1],
    [0, 0, 0],
    [10_000_000, 10_000_001, 0],
  ])('from %i to %i reads %i pieces, and no more', async (from, end, pieces) => {
    const { storage, source, reads } = await openBlob()
    const read = await bytesOf(source, { start: from, end })
    expect(read.equals(bytes.subarray(from, end))).toBe(true)
    expect(reads.pieces).toBe(pieces)
    await storage.close()
  })

  it('reads a piece when its turn comes, and none that nobody waits for', async () => {
    const { storage, source, reads } = await openBlob()
    const reading = source?.open()[Symbol.asyncIterator]()
    for (let count = 1; count <= 3; count++) {
      expect((await reading?.next())?.value).toHaveLength(piece)
      expect(reads.pieces).toBe(count)
    }
    await reading?.return?.()
    expect(reads.pieces).toBe(3)
    expect((await bytesOf(source)).equals(bytes)).toBe(true)
    expect(reads.pieces).toBe(3 + 39)
    await storage.close()
  })
})
