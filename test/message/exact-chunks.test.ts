import { describe, expect, it } from 'vitest'
import { exactChunks } from '../../src/message/exact-chunks.js'
import { streamedSource } from '../../src/testing/conformance/sample-batch.js'

async function read(size: number): Promise<string> {
  let text = ''
  const source = streamedSource(Buffer.from('hello'), 2)
  for await (const chunk of exactChunks({ ...source, size })) text += Buffer.from(chunk)
  return text
}

describe('exactChunks', () => {
  it('gives what the source gives', async () => {
    expect(await read(5)).toBe('hello')
  })

  it('fails for a message that is shorter or longer than it says', async () => {
    await expect(read(6)).rejects.toMatchObject({ code: 'MESSAGE_INCOMPLETE', temporary: true })
    await expect(read(4)).rejects.toMatchObject({ code: 'MESSAGE_INCOMPLETE', temporary: true })
  })
})
