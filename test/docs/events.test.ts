import { readFileSync } from 'node:fs'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { sourceFiles } from './source-files.js'

const page = readFileSync('docs/reference/events.md', 'utf8')
const documented = [...page.matchAll(/^\| `([a-z0-9]+:[a-z-]+)` +\|/gm)].map(match => match[1] ?? '')
const maps = sourceFiles('src')
  .filter(file => file.endsWith('/events.ts') && !file.endsWith('core/events.ts'))
  .map(file => ({ file, events: eventsOf(file) }))

/** The members of the event maps of a file. */
function eventsOf(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  return source.statements
    .filter(ts.isInterfaceDeclaration)
    .filter(declaration => declaration.name.text.endsWith('Events'))
    .flatMap(declaration => declaration.members)
    .map(member => (member.name && ts.isStringLiteral(member.name) ? member.name.text : `unnamed in ${file}`))
}

describe('docs/reference/events.md', () => {
  it('finds the event maps', () => {
    expect(maps.length).toBeGreaterThanOrEqual(3)
    expect(maps.filter(map => map.events.length === 0)).toEqual([])
  })

  it('documents every event, and no other', () => {
    const events = new Set(maps.flatMap(map => map.events))
    expect([...new Set(documented)].sort()).toEqual([...events].sort())
  })

  it('knows only events that something emits', () => {
    const source = sourceFiles('src')
      .filter(file => !file.endsWith('/events.ts'))
      .map(file => readFileSync(file, 'utf8'))
      .join('\n')
    expect([...new Set(documented)].filter(event => !source.includes(`'${event}'`))).toEqual([])
  })
})
