package io.adhocfs.protocol.transport;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Logs refusals of peers that have not proved to belong to the instance. Such a peer may come
 * thousands of times a second, so of each minute the first few refusals for a reason have a line of
 * their own, and so has what is said for the first time, up to a bound; the others share one line,
 * which counts them. So a flood of one kind hides no other kind. Thread-safe.
 */
final class RefusalLog {
  static final int LINES_MAX = 10;

  /** How many different messages of one reason have a line in a minute. */
  static final int MESSAGES_MAX = 20;

  /** What has been said for one reason in this minute. */
  private static final class Said {
    private int lines;
    private final Set<String> messages = new HashSet<>();

    /** Whether one more line is within the bounds; counts it. */
    private boolean mayBeSaid(String message) {
      boolean isNew = messages.size() < MESSAGES_MAX && messages.add(message);
      return lines++ < LINES_MAX || isNew;
    }
  }

  private final Consumer<String> log;

  @GuardedBy("this")
  private final Map<Handshake.Refusal, Said> said = new EnumMap<>(Handshake.Refusal.class);

  @GuardedBy("this")
  private final Map<Handshake.Refusal, Integer> unsaid = new EnumMap<>(Handshake.Refusal.class);

  RefusalLog(Consumer<String> log) {
    this.log = log;
  }

  /** A connection was refused. */
  synchronized void refused(Object connection, Handshake.Refusal reason, String message) {
    if (said.computeIfAbsent(reason, _ -> new Said()).mayBeSaid(message)) {
      log.accept(connection + " refused (" + reason + "): " + message);
    } else {
      unsaid.merge(reason, 1, Integer::sum);
    }
  }

  /** A minute is over: says how many refusals had no line, and begins anew. */
  synchronized void minute() {
    said.clear();
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
