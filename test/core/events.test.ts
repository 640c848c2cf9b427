import { describe, expect, it, vi } from 'vitest'
import { MailEvents } from '../../src/core/events.js'
import type { Logger } from '../../src/core/logger.js'

interface TestEvents {
  'mail:received': { traceId: string }
  'mail:sent': { traceId: string }
}

function make() {
  const error = vi.fn<Logger['error']>()
  const events = new MailEvents<TestEvents>({ debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error })
  return { events, error }
}

const payload = { traceId: 't' }

describe('MailEvents', () => {
  it('tells every listener of an event its payload, in order', () => {
    const { events } = make()
    const heard: string[] = []
    events.on('mail:received', ({ traceId }) => heard.push(`first ${traceId}`))
    events.on('mail:received', ({ traceId }) => heard.push(`second ${traceId}`))
    events.on('mail:sent', () => heard.push('sent'))
    events.emit('mail:received', payload)
    expect(heard).toEqual(['first t', 'second t'])
  })

  it('ends a registration, and no other of the same listener', () => {
    const { events } = make()
    const listener = vi.fn()
    const stop = events.on('mail:received', listener)
    events.on('mail:received', listener)
    events.on('mail:sent', listener)
    stop()
    stop()
    events.emit('mail:received', payload)
    expect(listener).toHaveBeenCalledTimes(1)
    events.off('mail:received', listener)
    events.emit('mail:received', payload)
    expect(listener).toHaveBeenCalledTimes(1)
    events.emit('mail:sent', payload)
    expect(listener).toHaveBeenCalledTimes(2)
  })

  it('knows whether anybody listens', () => {
    const { events } = make()
    expect(events.has('mail:received')).toBe(false)
    const stop = events.on('mail:received', () => {})
    expect(events.has('mail:received')).toBe(true)
    expect(events.has('mail:sent')).toBe(false)
    stop()
    expect(events.has('mail:received')).toBe(false)
    events.once('mail:received', () => {})
    events.emit('mail:received', payload)
    expect(events.has('mail:received')).toBe(false)
  })

  it('tells a listener of once just once, also when it emits itself', () => {
    const { events } = make()
    const listener = vi.fn(() => events.emit('mail:received', payload))
    events.once('mail:received', listener)
    const cancelled = vi.fn()
    events.once('mail:received', cancelled)()
    events.emit('mail:received', payload)
    events.emit('mail:received', payload)
    expect(listener).toHaveBeenCalledTimes(1)
    expect(cancelled).not.toHaveBeenCalled()
  })

  it('keeps what a listener throws from the part and from the other listeners', () => {
    const { events, error } = make()
    const thrower = () => {
      throw new Error('listener broke')
    }
    const next = vi.fn()
    events.on('mail:received', thrower)
    events.on('mail:sent', thrower)
    events.on('mail:sent', next)
    events.emit('mail:sent', payload)
    expect(next).toHaveBeenCalledWith(payload)
    expect(error).toHaveBeenCalledTimes(1)
    expect(error.mock.calls[0]).toMatchObject([
      { event: 'mail:sent', error: { message: 'listener broke' } },
      'a listener of mail:sent failed',
    ])
  })

  it('logs what a listener rejects with', async () => {
    const { events, error } = make()
    events.on('mail:received', () => Promise.reject(new Error('later')))
    const promiseOfAnotherKind = Object.create(null, {
      // biome-ignore lint/suspicious/noThenProperty: what other libraries have for promises
      then: { value: (_: unknown, fail: (error: Error) => void) => fail(new Error('odd')) },
    })
    events.on('mail:received', () => promiseOfAnotherKind)
    events.emit('mail:received', payload)
    await new Promise(resolve => setImmediate(resolve))
    expect(error.mock.calls.map(call => call[0])).toMatchObject([
      { error: { message: 'odd' } },
      { error: { message: 'later' } },
    ])
  })

  it('survives a logger that throws as well', () => {
    const fail = () => {
      throw new Error('no')
    }
    const events = new MailEvents<TestEvents>({ debug: fail, info: fail, warn: fail, error: fail })
    events.on('mail:received', fail)
    expect(() => events.emit('mail:received', payload)).not.toThrow()
  })

  it('refuses a listener that is no function, at once', () => {
    const { events } = make()
    expect(() => events.on('mail:received', undefined as never)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
  })

  it('takes prototype names and error for events like any other', () => {
    const events = new MailEvents<{ __proto__: object; error: object }>()
    expect(() => events.emit('error', payload)).not.toThrow()
    const listener = vi.fn()
    events.on('__proto__', listener)
    events.emit('__proto__', payload)
    expect(listener).toHaveBeenCalledTimes(1)
  })
})
