import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const page = readFileSync('docs/reference/hostile-servers.md', 'utf8')
const named = [...page.matchAll(/`(test\/[\w./-]+\.test\.ts)`: ([^|;]+)/g)].map(
  ([, file = '', title = '']) => ({
    file,
    title: title.trim(),
  }),
)

describe('docs/reference/hostile-servers.md', () => {
  it('names tests', () => {
    const rows = page.split('\n').filter(line => line.startsWith('| ')).length - 2
    expect(named.length).toBeGreaterThanOrEqual(rows)
  })

  it.each(named)('names a test that is there: $file, $title', ({ file, title }) => {
    const source = readFileSync(file, 'utf8')
    expect(['"', "'", '`'].some(quote => source.includes(`${quote}${title}`))).toBe(true)
  })
})
