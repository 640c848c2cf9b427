import { describe, expect, it } from 'vitest'
import { StorageLifetime } from '../../src/storage/storage-lifetime.js'

describe('StorageLifetime', () => {
  it('ends when what is under way has ended, and what that began', async () => {
    const lifetime = new StorageLifetime('myStorage')
    const ended: string[] = []
    let release = () => {}
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    const first = lifetime.run(async () => {
      await released
      void lifetime.track(Promise.resolve().then(() => ended.push('second')))
      ended.push('first')
    })
    const end = lifetime.end(async () => {
      ended.push('last')
    })
    expect(lifetime.isOver).toBe(true)
    expect(lifetime.end()).toBe(end)
    await expect(lifetime.run(async () => {})).rejects.toMatchObject({
      code: 'CLOSED',
      message: 'myStorage: used after it was closed',
    })
    release()
    await Promise.all([first, end])
    expect(ended).toEqual(['first', 'second', 'last'])
  })

  it('waits for work that fails', async () => {
    const lifetime = new StorageLifetime('myStorage')
    const work = lifetime.run(async () => {
      throw new Error('no')
    })
    await Promise.all([expect(work).rejects.toThrow('no'), lifetime.end()])
  })

  it.each(['ENOSPC', 'EDQUOT'])('says that the storage is full for %s', async code => {
    const cause = Object.assign(new Error('no space left on device'), { code })
    const work = new StorageLifetime('myStorage').run(() => Promise.reject(cause))
    await expect(work).rejects.toMatchObject({
      code: 'STORAGE_FULL',
      message: 'myStorage: no space left on device',
      temporary: true,
      cause,
    })
  })
})
