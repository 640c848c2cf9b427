import { type FileHandle, mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  createMessageSpool,
  type MessageSpool,
  type SpooledMessage,
} from '../../src/message/message-spool.js'
import { readAll } from '../../src/message/sources.js'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spool-test-'))
})

afterEach(async () => {
  vi.restoreAllMocks()
  await rm(directory, { recursive: true })
})

const octets = (length: number) => Buffer.from(Array.from({ length }, (_, index) => index % 251))

async function writeAll(spool: MessageSpool, bytes: Buffer, step: number) {
  for (let at = 0; at < bytes.length; at += step) await spool.write(bytes.subarray(at, at + step))
}

/** What every open file handle inherits, so that a system call can be made to fail. */
async function handlePrototype() {
  const handle = await open('/dev/null', 'r')
  await handle.close()
  const prototype = Object.getPrototypeOf(handle) as { writeFile: FileHandle['writeFile'] }
  return { prototype, writeFile: prototype.writeFile }
}

const failWith = (code: string) => vi.fn(() => Promise.reject(Object.assign(new Error(code), { code })))

describe('createMessageSpool', () => {
  it('keeps a small message in memory, as one piece and as ranges', async () => {
    const spool = createMessageSpool({ memoryLimit: 1000, directory: join(directory, 'missing') })
    const bytes = octets(1000)
    await writeAll(spool, bytes, 300)
    expect(spool.size).toBe(1000)

    const message = await spool.finish()
    expect(message.size).toBe(1000)
    expect(await readAll({ size: 1000, open: range => message.open(range) })).toEqual(bytes)
    expect(Buffer.concat(await collect(message.open({ start: 250, end: 650 })))).toEqual(
      bytes.subarray(250, 650),
    )
    expect(message.bytes).toEqual(bytes)
    expect(Buffer.concat(await collect(message.open({ start: 999 })))).toEqual(bytes.subarray(999))
    await message.dispose()
  })

  it('takes chunks in memory by reference and without a promise', async () => {
    const spool = createMessageSpool()
    // Not from the pool that Node.js cuts short buffers from.
    const chunk = Buffer.alloc(5000, octets(5000))
    expect(spool.write(chunk)).toBeUndefined()
    expect((await spool.finish()).bytes).toBe(chunk)
  })

  it('copies a short message out of the large read it came with', async () => {
    const spool = createMessageSpool()
    const read = Buffer.alloc(60_000, octets(60_000))
    spool.write(read.subarray(100, 20_100))
    const message = await spool.finish()
    expect(message.bytes?.buffer).not.toBe(read.buffer)
    expect(message.bytes).toEqual(read.subarray(100, 20_100))
    expect(message.bytes).toBe(message.bytes)
  })

  it('keeps no more than a few buffers for octets that trickle in', async () => {
    const spool = createMessageSpool({ memoryLimit: 100_000 })
    const bytes = octets(64_000)
    await writeAll(spool, bytes, 1)
    const message = await spool.finish()
    const chunks = await collect(message.open())
    expect(chunks.length).toBeLessThan(1100)
    expect(Buffer.concat(chunks)).toEqual(bytes)
  })

  it('moves a message that outgrows the limit to a file nobody else can reach, and leaves none behind', async () => {
    const spool = createMessageSpool({ memoryLimit: 1000, directory })
    const bytes = octets(300_000)
    const modes: number[] = []
    const { prototype, writeFile } = await handlePrototype()
    vi.spyOn(prototype, 'writeFile').mockImplementation(async function (this: FileHandle, data) {
      modes.push((await this.stat()).mode & 0o777)
      return writeFile.call(this, data)
    })
    await writeAll(spool, bytes, 7000)

    const message = await spool.finish()
    expect(await readdir(directory)).toEqual([])
    expect(new Set(modes)).toEqual(new Set([0o600]))
    expect(message.bytes).toBeUndefined()
    expect(message.size).toBe(300_000)
    const [whole, part] = await Promise.all([
      collect(message.open()),
      collect(message.open({ start: 65_530, end: 131_080 })),
    ])
    expect(Buffer.concat(whole)).toEqual(bytes)
    expect(Buffer.concat(part)).toEqual(bytes.subarray(65_530, 131_080))

    await message.dispose()
    await message.dispose()
    await expect(collect(message.open())).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('holds a writer back while the disk is behind, and only then', async () => {
    const spool = createMessageSpool({ memoryLimit: 100, directory })
    const results = Array.from({ length: 20 }, () => spool.write(octets(100_000)))
    expect(results[0]).toBeUndefined()
    expect(results.at(-1)).toBeInstanceOf(Promise)
    await results.at(-1)
    expect(spool.write(octets(10))).toBeUndefined()
    const message = await spool.finish()
    expect(message.size).toBe(2_000_010)
    await message.dispose()
  })

  it('loses nothing that is written, and ended, while a write to the file comes to its end', async () => {
    const { prototype, writeFile } = await handlePrototype()
    for (let microtasks = 0; microtasks < 12; microtasks++) {
      const spool = createMessageSpool({ memoryLimit: 0, directory })
      const writeOnceMore = async () => {
        for (let count = 0; count < microtasks; count++) await null
        spool.write(Buffer.from('second'))
        return spool.finish()
      }
      const finished: Promise<SpooledMessage>[] = []
      vi.spyOn(prototype, 'writeFile').mockImplementationOnce(async function (this: FileHandle, data) {
        await writeFile.call(this, data)
        finished.push(writeOnceMore())
      })
      spool.write(Buffer.from('first '))
      while (finished.length === 0) await new Promise(resolve => setImmediate(resolve))
      const message = await finished[0]
      expect(Buffer.concat(await collect(message?.open() ?? [])).toString()).toBe('first second')
      await message?.dispose()
    }
  })

  it.each([
    ['ENOSPC', 'STORAGE_FULL'],
    ['EDQUOT', 'STORAGE_FULL'],
    ['EIO', 'STORAGE_FAILED'],
  ])('tells %s of the file system as %s', async (system, code) => {
    const { prototype } = await handlePrototype()
    vi.spyOn(prototype, 'writeFile').mockImplementation(failWith(system))
    const spool = createMessageSpool({ memoryLimit: 10, directory })
    const error = { name: 'MailError', code, temporary: true }
    await expect(spool.write(Buffer.alloc(2_000_000))).rejects.toMatchObject(error)
    await expect(spool.write(octets(10))).rejects.toMatchObject(error)
    await expect(spool.finish()).rejects.toMatchObject(error)
    await spool.discard()
    expect(await readdir(directory)).toEqual([])
  })

  it('fails with STORAGE_FAILED where no file can be made', async () => {
    const spool = createMessageSpool({ memoryLimit: 0, directory: join(directory, 'missing') })
    spool.write(octets(10))
    await expect(spool.finish()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  })

  it('can be discarded at any moment', async () => {
    for (const memoryLimit of [0, 1_000_000]) {
      const spool = createMessageSpool({ memoryLimit, directory })
      const writing = spool.write(octets(600_000))
      const outcome = Promise.resolve(writing).catch((error: unknown) => error)
      await spool.discard()
      await spool.discard()
      await outcome
      await expect(spool.finish()).rejects.toMatchObject({ code: 'CLOSED' })
      await expect(spool.write(octets(1))).rejects.toMatchObject({ code: 'CLOSED' })
    }
    expect(await readdir(directory)).toEqual([])
  })

  it('no longer reads a message from memory once it is disposed of', async () => {
    const spool = createMessageSpool()
    spool.write(octets(10))
    const message = await spool.finish()
    await message.dispose()
    await expect(collect(message.open())).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

async function collect(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return chunks
}
