import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { expect, it } from 'vitest'
import { observe } from '../../src/otel/index.js'
import { createQueueWorld, deferred, delivered, minute } from '../queue/queue-world.js'

it('tells OpenTelemetry of attempts, in one trace a message, and of the queue', async () => {
  const spans = new InMemorySpanExporter()
  const tracing = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const metering = new MeterProvider({ readers: [reader] })
  let attempts = 0
  await using world = await createQueueWorld(() => (++attempts === 1 ? deferred : delivered))
  const stop = await observe({
    queue: world.queue,
    meter: metering.getMeter('test'),
    tracer: tracing.getTracer('test'),
  })
  await world.send('bob@rome.test')
  await world.send('carol@oslo.test')
  await world.clock.advance('1h')
  await reader.forceFlush()

  const told = spans.getFinishedSpans()
  expect(
    told.map(({ name, attributes }) => [name, attributes['posthorn.status'], attributes['posthorn.attempt']]),
  ).toEqual([
    ['posthorn.delivery', 'deferred', 1],
    ['posthorn.delivery', 'delivered', 1],
    ['posthorn.delivery', 'delivered', 2],
  ])
  const traces = told.map(span => span.spanContext().traceId)
  expect(traces[0]).toBe(traces[2])
  expect(traces[0]).not.toBe(traces[1])

  const metrics = exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(one => one.metrics))
  const points = (name: string) =>
    metrics
      .find(({ descriptor }) => descriptor.name === name)
      ?.dataPoints.map(point => [point.attributes, point.value])
  expect(points('posthorn.queue.messages')).toEqual([[{}, 2]])
  expect(points('posthorn.delivery.attempts')).toEqual([
    [{ status: 'deferred', scope: 'host' }, 1],
    [{ status: 'delivered', scope: 'recipient' }, 2],
  ])
  expect(points('posthorn.queue.entries')).toContainEqual([{ state: 'waiting' }, 0])
  expect(points('posthorn.queue.sites')).toEqual([
    [{ state: 'suspended' }, 0],
    [{ state: 'open' }, 2],
  ])
  const times = points('posthorn.queue.time')?.[0]?.[1] as { max: number; count: number }
  expect(times).toMatchObject({ count: 2, max: (15 * minute) / 1_000 })

  stop()
  await world.send('dora@rome.test')
  await world.queue.idle()
  expect(spans.getFinishedSpans()).toHaveLength(3)
  await metering.shutdown()
})
