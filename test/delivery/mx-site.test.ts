import { describe, expect, it } from 'vitest'
import { createOutsideWorld } from './outside-world.js'

const mx = (...entries: [number, string][]) => ({
  mx: entries.map(([preference, exchange]) => ({ preference, exchange })),
})

describe('the site of a destination', () => {
  it('is the set of its mail exchangers, whatever their order', async () => {
    await using world = await createOutsideWorld()
    const { signal } = new AbortController()
    world.zone.set('one.test', mx([10, 'b.host.test'], [20, 'A.host.test']))
    world.zone.set('two.test', mx([5, 'a.host.test'], [5, 'b.host.test']))
    world.zone.set('three.test', mx([5, 'a.host.test']))
    world.zone.set('null.test', mx([0, '']))
    world.zone.set('bare.test', { a: '192.0.2.77' })
    const sites = ['one.test', 'two.test', 'three.test', 'null.test', 'bare.test', 'gone.test', '[192.0.2.9]']
    const names = await Promise.all(sites.map(destination => world.transport.site?.(destination, signal)))
    expect(names).toEqual([
      'a.host.test b.host.test',
      'a.host.test b.host.test',
      'a.host.test',
      'null.test',
      'bare.test',
      'gone.test',
      '[192.0.2.9]',
    ])
  })

  it('is not told of while DNS fails', async () => {
    await using world = await createOutsideWorld()
    world.zone.fail('one.test', 'servfail')
    await expect(world.transport.site?.('one.test', new AbortController().signal)).rejects.toMatchObject({
      code: 'LOOKUP_FAILED',
      temporary: true,
    })
  })

  it('has a short name even where the exchangers are thousands', async () => {
    await using world = await createOutsideWorld()
    const many = Array.from({ length: 2_000 }, (_, index): [number, string] => [10, `mx${index}.host.test`])
    world.zone.set('many.test', mx(...many))
    world.zone.set('more.test', mx(...many, [20, 'another.host.test']))
    const { signal } = new AbortController()
    const name = await world.transport.site?.('many.test', signal)
    expect(name?.length).toBeLessThan(300)
    expect(await world.transport.site?.('more.test', signal)).not.toBe(name)
  })
})
