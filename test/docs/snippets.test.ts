import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const pages = [
  'README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' }).map(name => `docs/${name}`),
].filter(name => name.endsWith('.md') && !name.startsWith('docs/api/'))
const snippets = pages.flatMap(page =>
  [...readFileSync(page, 'utf8').matchAll(/^```(ts|js|typescript)( \S+)?\n([\s\S]*?)^```$/gm)].map(match => ({
    page,
    source: match[2]?.trim(),
    code: match[3] ?? '',
  })),
)

/** Code without the indentation that a snippet may have lost. */
const lines = (code: string) =>
  code
    .split('\n')
    .map(line => line.trim())
    .join('\n')
    .trim()

describe('the code that README and guides show', () => {
  it('is there', () => {
    expect(snippets.length).toBeGreaterThanOrEqual(5)
  })

  it.each(snippets)('$page: is part of $source, which the tests run', ({ source, code }) => {
    expect(source, 'a snippet names the file it is from').toMatch(/^(examples|test)\//)
    expect(lines(readFileSync(source ?? '', 'utf8'))).toContain(lines(code))
  })
})
