import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { mailErrorCodes } from '../../src/core/error.js'
import { sourceFiles } from './source-files.js'

const page = readFileSync('docs/reference/errors.md', 'utf8')
const documented = [...page.matchAll(/^### `([A-Z_]+)`$/gm)].map(match => match[1] ?? '')
const codes = Object.keys(mailErrorCodes)

describe('docs/reference/errors.md', () => {
  it('documents every code, and no other', () => {
    expect([...documented].sort()).toEqual([...codes].sort())
  })

  it('documents codes that something throws', () => {
    const source = sourceFiles('src')
      .filter(file => !file.endsWith('core/error.ts'))
      .map(file => readFileSync(file, 'utf8'))
      .join('\n')
    expect(codes.filter(code => !source.includes(`'${code}'`))).toEqual([])
  })
})
