import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createAccounts, createDeliveryQueue, createMailStore, createSmtpServer } from '../../src/index.js'
import { observe } from '../../src/otel/index.js'
import { memoryStorage } from '../../src/storage/memory/memory-storage.js'
import { sourceFiles } from '../docs/source-files.js'

it('is set up as the guide says', async () => {
  await using storage = memoryStorage()
  await using store = createMailStore({ storage })
  await using queue = createDeliveryQueue({ storage, hostname: 'mx.example.test' })
  await using smtp = createSmtpServer({
    ...{ hostname: 'mx.example.test', domains: ['example.test'], store, queue },
    accounts: createAccounts({ users: [] }),
  })
  const stop = await observe({ smtp, queue, store })
  stop()
  expect(stop).toBeTypeOf('function')
})

it('is documented: each instrument and span, and no other', () => {
  const made = sourceFiles('src/otel').flatMap(file =>
    [...readFileSync(file, 'utf8').matchAll(/(?:create\w+|startSpan)\('(posthorn\.[\w.]+)'/g)].map(
      match => match[1],
    ),
  )
  const page = readFileSync('docs/guide/metrics-and-traces.md', 'utf8').replace(
    '`….bytes`',
    '`posthorn.store.retention.bytes`',
  )
  const told = [...page.matchAll(/^(?:\||- ) ?(.*?)(?:\||: )/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(posthorn\.[\w.]+)`/g)].map(match => match[1]),
  )
  expect([...new Set(told)].toSorted()).toEqual([...new Set(made)].toSorted())
})
