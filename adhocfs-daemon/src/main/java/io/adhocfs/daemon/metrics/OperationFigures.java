package io.adhocfs.daemon.metrics;

import io.adhocfs.protocol.wire.MessageType;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.CounterSnapshot.CounterDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot.HistogramDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Counts operations in plain arrays, which costs some ten nanoseconds and nothing at start-up; they
 * become Prometheus figures when somebody asks for them. Thread-safe.
 */
public final class OperationFigures implements OperationMetrics, MultiCollector {
  /** Upper ends of the latency buckets; a last one takes the rest. */
  private static final long[] BUCKETS_NANOS = {
    20_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000, 25_000_000, 100_000_000, 1_000_000_000
  };

  private static final int SUM = BUCKETS_NANOS.length + 1;
  private static final int FAILED = SUM + 1;
  private static final int BYTES = FAILED + 1;

  /** One row per type; rows start on cache lines of their own. */
  private static final int ROW = 16;

  private static final MessageType[] TYPES = MessageType.values();

  private final AtomicLongArray figures = new AtomicLongArray(TYPES.length * ROW);

  // The array lives no longer than this version of the enum.
  @SuppressWarnings("EnumOrdinal")
  private static int row(MessageType type) {
    return type.ordinal() * ROW;
  }

  @Override
  public void completed(MessageType type, long nanos, boolean failed, long bytes) {
    int row = row(type);
    int bucket = 0;
    while (bucket < BUCKETS_NANOS.length && nanos > BUCKETS_NANOS[bucket]) {
      bucket++;
    }
    figures.getAndIncrement(row + bucket);
    figures.getAndAdd(row + SUM, nanos);
    if (failed) {
      figures.getAndIncrement(row + FAILED);
    }
    if (bytes > 0) {
      figures.getAndAdd(row + BYTES, bytes);
    }
  }

  @Override
  public MetricSnapshots collect() {
    var uppers = new double[BUCKETS_NANOS.length + 1];
    for (int i = 0; i < BUCKETS_NANOS.length; i++) {
      uppers[i] = BUCKETS_NANOS[i] / 1e9;
    }
    uppers[BUCKETS_NANOS.length] = Double.POSITIVE_INFINITY;
    HistogramSnapshot.Builder latency =
        HistogramSnapshot.builder()
            .name("adhocfs_operation_seconds")
            .help("Time from the arrival of a request to its answer");
    CounterSnapshot.Builder failures =
        CounterSnapshot.builder()
            .name("adhocfs_operation_failures")
            .help("Requests that were answered with an error");
    CounterSnapshot.Builder payloads =
        CounterSnapshot.builder()
            .name("adhocfs_payload_bytes")
            .help("Payload of requests and answers");
    for (MessageType type : TYPES) {
      int row = row(type);
      var counts = new long[uppers.length];
      long total = 0;
      for (int i = 0; i < counts.length; i++) {
        counts[i] = figures.get(row + i);
        total += counts[i];
      }
      if (total == 0) {
        continue;
      }
      Labels labels = Labels.of("operation", type.name().toLowerCase(Locale.ROOT));
      latency.dataPoint(
          HistogramDataPointSnapshot.builder()
              .labels(labels)
              .classicHistogramBuckets(ClassicHistogramBuckets.of(uppers, counts))
              .sum(figures.get(row + SUM) / 1e9)
              .build());
      failures.dataPoint(counter(labels, figures.get(row + FAILED)));
      if (figures.get(row + BYTES) > 0) {
        payloads.dataPoint(counter(labels, figures.get(row + BYTES)));
      }
    }
    return MetricSnapshots.of(latency.build(), failures.build(), payloads.build());
  }

  private static CounterDataPointSnapshot counter(Labels labels, long value) {
    return CounterDataPointSnapshot.builder().labels(labels).value((double) value).build();
  }
}
