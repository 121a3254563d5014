package io.adhocfs.cli.command;

import io.adhocfs.cli.arguments.Output;
import io.adhocfs.protocol.control.ControlState;
import io.adhocfs.protocol.control.FinishedRebalance;
import io.adhocfs.protocol.control.Rebalance;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/** Describes a rebalance as text and JSON. */
final class RebalanceReport {
  private RebalanceReport() {}

  /** Shows the progress of a rebalance; {@link #clear} removes the line. */
  static final class Progress implements Consumer<Rebalance> {
    private static final long EVERY_NANOS = 500_000_000;
    private static final int WIDTH = 20;

    private final ProgressLine shown;
    private long lastBytes = -1;
    private long lastNanos = System.nanoTime();
    private double rate;
    private boolean stalled;

    Progress(Output output) {
      shown = new ProgressLine(output, "adhocfs: ");
    }

    @Override
    public void accept(Rebalance running) {
      long now = System.nanoTime();
      if (now - lastNanos < EVERY_NANOS) {
        return;
      }
      stalled &= running.bytesSent() == lastBytes;
      if (lastBytes >= 0) {
        rate = 0.5 * rate + 0.5 * (running.bytesSent() - lastBytes) * 1e9 / (now - lastNanos);
      }
      lastBytes = running.bytesSent();
      lastNanos = now;
      shown.show(() -> line(running));
    }

    /** Whether the rebalance waits for nodes: then no remaining time is shown. */
    void stalled(boolean now) {
      stalled = now;
    }

    void clear() {
      shown.clear();
    }

    private String line(Rebalance running) {
      double share =
          running.slotsPlanned() == 0 ? 1 : running.slotsMoved() / (double) running.slotsPlanned();
      String left =
          share > 0.02 && !stalled
              ? ", "
                  + Quantities.millis((long) (seconds(running) / share * (1 - share) * 1000))
                  + " left"
              : "";
      int filled = (int) (share * WIDTH);
      return String.format(
          Locale.ROOT,
          "[%s%s] %3.0f%%  %d of %d slots, %s, %s/s%s%s",
          "#".repeat(filled),
          ".".repeat(WIDTH - filled),
          100 * share,
          running.slotsMoved(),
          running.slotsPlanned(),
          Quantities.bytes(running.bytesSent()),
          Quantities.bytes((long) rate),
          left,
          running.paused() ? ", PAUSED " + running.reason() : "");
    }
  }

  /** How long the rebalance has been running. */
  private static double seconds(Rebalance running) {
    Duration since1970 = Duration.between(Instant.EPOCH, Instant.now());
    return since1970.minusNanos(running.startedNanos()).toNanos() / 1e9;
  }

  /** The running rebalance, or else the last one; for JSON. */
  static Map<String, Object> json(ControlState state) {
    var json = new LinkedHashMap<String, Object>();
    Rebalance running = state.rebalance();
    FinishedRebalance last = state.last();
    json.put("epoch", state.map().epoch().value());
    json.put("running", running != null);
    if (running != null) {
      json.put("id", running.id());
      json.put("kind", name(running.kind()));
      json.put("paused", running.paused());
      json.put("reason", running.reason());
      json.put("limit_bytes_per_second", running.bytesPerSecond());
      json.put("batches_at_once", running.batchesAtOnce());
      json.put("slots_planned", running.slotsPlanned());
      json.put("slots_moved", running.slotsMoved());
      json.put("sent_bytes", running.bytesSent());
      json.put("held_bytes", running.bytesHeld());
      json.put("elapsed_seconds", seconds(running));
    } else if (last != null) {
      json.putAll(json(last));
    }
    return json;
  }

  /** A finished rebalance; for JSON. */
  static Map<String, Object> json(FinishedRebalance last) {
    var json = new LinkedHashMap<String, Object>();
    json.put("id", last.id());
    json.put("kind", name(last.kind()));
    json.put("outcome", last.outcome().name().toLowerCase(Locale.ROOT));
    json.put("slots_planned", last.slotsPlanned());
    json.put("slots_moved", last.slotsMoved());
    json.put("sent_bytes", last.bytesSent());
    json.put("held_bytes", last.bytesHeld());
    json.put("elapsed_seconds", seconds(last));
    return json;
  }

  static String sentence(FinishedRebalance last) {
    return String.format(
        Locale.ROOT,
        "%s %s: %d of %d slots moved, %s sent for %s held, in %.1f s",
        name(last.kind()),
        last.outcome().name().toLowerCase(Locale.ROOT),
        last.slotsMoved(),
        last.slotsPlanned(),
        Quantities.bytes(last.bytesSent()),
        Quantities.bytes(last.bytesHeld()),
        seconds(last));
  }

  static String name(Rebalance.Kind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  private static double seconds(FinishedRebalance last) {
    return (last.finishedNanos() - last.startedNanos()) / 1e9;
  }
}
