package io.adhocfs.client.routing;

import io.adhocfs.protocol.wire.ControlRequest.Introduce;
import io.adhocfs.protocol.wire.Frame;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * On whose behalf this client's operations are: each user of each job has a number, which requests
 * bear, and daemons that do not know it are told. Thread-safe.
 */
public final class Parties {
  private record Identity(String job, String step, int user) {}

  private final Map<Identity, Integer> numbers = new ConcurrentHashMap<>();
  private final List<Introduce> introductions = new CopyOnWriteArrayList<>();
  private final ThreadLocal<Integer> current = new ThreadLocal<>();
  private final int own;

  /** The client's own job and user come first. */
  public Parties(String job, String step, int user) {
    own = number(new Identity(job, step, user));
  }

  private int number(Identity identity) {
    Integer known = numbers.get(identity);
    if (known != null) {
      return known;
    }
    synchronized (introductions) {
      known = numbers.get(identity);
      if (known != null) {
        return known;
      }
      int next = introductions.size() + 1;
      if (next > Frame.PARTY_MAX) {
        // More than there are numbers: they count as this client's own.
        return own;
      }
      introductions.add(new Introduce(next, identity.job(), identity.step(), identity.user()));
      numbers.put(identity, next);
      return next;
    }
  }

  /** Whose the operations that this thread begins are. */
  int current() {
    Integer set = current.get();
    return set == null ? own : set;
  }

  /** Begins operations of somebody else's; what runs later on other threads remains his. */
  public <T extends @Nullable Object> T onBehalfOf(
      String job, String step, int user, Supplier<T> work) {
    Integer before = current.get();
    current.set(number(new Identity(job, step, user)));
    try {
      return work.get();
    } finally {
      if (before == null) {
        current.remove();
      } else {
        current.set(before);
      }
    }
  }

  /** What a daemon that does not know a number is told. */
  Introduce introduction(int number) {
    return introductions.get(number - 1);
  }
}
