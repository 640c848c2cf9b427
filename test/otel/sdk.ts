import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  ParentBasedSampler,
  SimpleSpanProcessor,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base'

/** OpenTelemetry as an app sets it up, with all it was told in memory. `ratio` is the share of traces that are kept. */
export function createSdk({ ratio = 1 } = {}) {
  const spans = new InMemorySpanExporter()
  const tracing = new BasicTracerProvider({
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new SimpleSpanProcessor(spans)],
  })
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const metering = new MeterProvider({ readers: [reader] })
  async function collect() {
    exporter.reset()
    await reader.forceFlush()
    return exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(one => one.metrics))
  }
  return {
    options: { meter: metering.getMeter('test'), tracer: tracing.getTracer('test') },
    spans: () => spans.getFinishedSpans(),
    /** All instruments, as they are now. */
    collect,
    /** Looks at the instruments now; answers the points of one by its name, each with its attributes. */
    async points() {
      const metrics = await collect()
      return (name: string) =>
        metrics
          .find(({ descriptor }) => descriptor.name === name)
          ?.dataPoints.map(point => [point.attributes, point.value] as const) ?? []
    },
    close: () => metering.shutdown(),
  }
}
