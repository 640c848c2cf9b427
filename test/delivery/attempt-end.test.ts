import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { createVirtualClock } from '../../src/core/virtual-clock.js'
import { AttemptEnd } from '../../src/delivery/attempt-end.js'

describe('the end of an attempt', () => {
  it('that came by itself leaves no timer and no listener behind', () => {
    const clock = createVirtualClock()
    const { signal } = new AbortController()
    const end = new AttemptEnd(clock, signal, 1_000)
    expect(clock.nextTimer()).toBeDefined()
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    end.release()
    expect(clock.nextTimer()).toBeUndefined()
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(end.isReached).toBe(false)
  })

  it.each(['its time is over', 'its signal is aborted', 'its signal was aborted before'])(
    'is reached when %s, and ends what is waited for',
    async how => {
      const clock = createVirtualClock()
      const controller = new AbortController()
      if (how.endsWith('before')) controller.abort(new Error('closing'))
      const end = new AttemptEnd(clock, controller.signal, 1_000)
      const waiting = end.unlessReached(new Promise(() => {}))
      const ended = expect(waiting).rejects.toMatchObject({ code: 'ABORTED', temporary: true })
      if (how.startsWith('its time')) await clock.advance('1s')
      else controller.abort(new Error('closing'))
      await ended
      expect(end.isReached).toBe(true)
      expect(end.signal.aborted).toBe(true)
    },
  )

  it('fails a wire until it is told that the wire is done with', () => {
    const controller = new AbortController()
    const end = new AttemptEnd(createVirtualClock(), controller.signal)
    const failed: string[] = []
    const wire = (name: string) => ({ fail: () => failed.push(name) }) as never
    const release = end.cuts(wire('done with'))
    end.cuts(wire('in use'))
    release()
    controller.abort()
    end.cuts(wire('too late'))
    expect(failed).toEqual(['in use', 'too late'])
  })
})
