import type { Meter } from '@opentelemetry/api'
import type { Events } from '../core/events.js'
import type { MailStoreEvents } from '../store/events.js'

/** Counts what the retention of a store removes. Returns what ends it. */
export function meterStore(store: Events<MailStoreEvents>, meter: Meter): (() => void)[] {
  const messages = meter.createCounter('posthorn.store.retention.messages', { unit: '{message}' })
  const bytes = meter.createCounter('posthorn.store.retention.bytes', { unit: 'By' })
  const errors = meter.createCounter('posthorn.store.retention.errors', { unit: '{error}' })
  return [
    store.on('retention:applied', run => {
      messages.add(run.messages)
      bytes.add(run.bytes)
      errors.add(run.failed.length)
    }),
    store.on('retention:failed', () => errors.add(1)),
  ]
}
