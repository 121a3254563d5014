package io.adhocfs.protocol.transport;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Logs refusals of peers that have not proved to belong to the instance. Such a peer may come
 * thousands of times a second, so of each minute the first few refusals have a line of their own,
 * and the others share one line, which counts them. Thread-safe.
 */
final class RefusalLog {
  static final int LINES_MAX = 10;

  private final Consumer<String> log;

  @GuardedBy("this")
  private int lines;

  @GuardedBy("this")
  private final Map<Handshake.Refusal, Integer> unsaid = new EnumMap<>(Handshake.Refusal.class);

  RefusalLog(Consumer<String> log) {
    this.log = log;
  }

  /** A connection was refused. */
  synchronized void refused(Object connection, Handshake.Refusal reason, String message) {
    if (lines < LINES_MAX) {
      lines++;
      log.accept(connection + " refused (" + reason + "): " + message);
    } else {
      unsaid.merge(reason, 1, Integer::sum);
    }
  }

  /** A minute is over: says how many refusals had no line, and begins anew. */
  synchronized void minute() {
    lines = 0;
    if (!unsaid.isEmpty()) {
      log.accept(
          unsaid.values().stream().mapToLong(Integer::longValue).sum()
              + " more connections refused within a minute: "
              + unsaid.entrySet().stream()
                  .map(entry -> entry.getValue() + " " + entry.getKey())
                  .collect(Collectors.joining(", ")));
      unsaid.clear();
    }
  }
}
