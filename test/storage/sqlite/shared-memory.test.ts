import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SharedMemory } from '../../../src/storage/sqlite/shared-memory.js'

const megabyte = 1024 * 1024

function isShared(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof SharedArrayBuffer
}

describe('shared memory', () => {
  it('gives nobody what another has not given back, whatever is given back first', () => {
    const step = fc.record({ size: fc.integer({ min: 0, max: 3 * megabyte }), release: fc.nat(20) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), steps => {
        const memory = new SharedMemory()
        const held: Uint8Array[] = []
        for (const { size, release } of steps) {
          const taken = memory.take(size)
          expect(taken.length).toBe(size)
          for (const { buffer, byteOffset, length } of held) {
            const isApart = taken.byteOffset >= byteOffset + length || byteOffset >= taken.byteOffset + size
            expect(taken.buffer !== buffer || isApart).toBe(true)
          }
          held.push(taken)
          const [given] = held.splice(release, 1)
          if (given) memory.release(given)
        }
      }),
    )
  })

  it('is used again from its beginning when all of it was given back', () => {
    const memory = new SharedMemory()
    const first = memory.take(5 * megabyte)
    memory.release(first)
    const second = memory.take(5 * megabyte)
    expect(isShared(second)).toBe(true)
    expect(second.byteOffset).toBe(0)
    expect(second.buffer).toBe(first.buffer)
  })

  it('turns to its beginning where the oldest was given back, and not over what is there', () => {
    const memory = new SharedMemory()
    const oldest = memory.take(3 * megabyte)
    const middle = memory.take(3 * megabyte)
    expect(isShared(memory.take(3 * megabyte))).toBe(false)
    memory.release(oldest)
    const turned = memory.take(2.5 * megabyte)
    expect([isShared(turned), turned.byteOffset]).toEqual([true, 0])
    expect(isShared(memory.take(megabyte))).toBe(false)
    expect(memory.take(megabyte / 2).byteOffset).toBe(2.5 * megabyte)
    memory.release(middle)
    expect(memory.take(3 * megabyte).byteOffset).toBe(3 * megabyte)
  })

  it('is not shared where more is wanted than there is, and takes back what is not its own', () => {
    const memory = new SharedMemory()
    const huge = memory.take(8 * megabyte + 1)
    expect([huge.length, isShared(huge)]).toEqual([8 * megabyte + 1, false])
    const own = memory.take(10)
    memory.release(huge)
    memory.release(new Uint8Array(10))
    expect(memory.take(10).byteOffset).toBe(10)
    memory.release(own)
  })
})
